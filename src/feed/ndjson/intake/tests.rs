use super::super::super::channel;
use super::*;
use crate::control::Inflow;
use crate::market::{Field, StaleCause};

fn venue(name: &str) -> VenueName {
    VenueName::parse(name).expect(name)
}

fn intake(rename: Option<&str>, claims: &Claims) -> Intake {
    Intake::new(&venue("ndjson"), rename.map(venue), claims, Duration::from_secs(10))
}

/// Takes lines and gives the events in short words.
async fn said(intake: &mut Intake, lines: &[&str]) -> Vec<String> {
    for line in lines {
        let taken = intake.line(1, Ok(line.as_bytes()), Ts(7));
        taken.unwrap_or_else(|error| panic!("{line}: {error}"));
    }
    handed_over(intake).await
}

async fn handed_over(intake: &mut Intake) -> Vec<String> {
    let (out, mut batches) = channel(1);
    intake.flush(&out).await.expect("somebody takes it");
    drop(out);
    let batch = batches.recv().await.map_or(Batch::new(), Inflow::into_events);
    batch.iter().map(word).collect()
}

fn word(event: &Event) -> String {
    match event {
        Event::Update(update) => {
            let names: Vec<_> = update.fields.named().iter().map(Field::name).collect();
            format!("{} {}", update.symbol, names.join(" "))
        }
        Event::State { symbol, state, cause } => {
            let cause = cause.map_or("", StaleCause::word);
            format!("{symbol} {} {cause}", state.word())
        }
        Event::Venue { venue, state, reason } => format!("{venue} is {} {reason}", state.word()),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_venue_is_up_and_an_instrument_live_with_the_first_line_of_each_connection() {
    let mut intake = intake(None, &Claims::default());
    let a = r#"{"symbol":"x:A","low":1}"#;
    let halted = r#"{"symbol":"x:B","state":"halted"}"#;
    assert_eq!(
        said(&mut intake, &[a, a, "", " \r", halted]).await,
        [
            "x is up ",
            "x:A low",
            "x:A live ",
            "x:A low",
            "x:B ",
            "x:B live ",
            "x:B halted "
        ]
    );
    assert_eq!(intake.venues(), [venue("x")]);
    intake.down("gone");
    let mut down = handed_over(&mut intake).await;
    assert_eq!(down.pop().as_deref(), Some("x is down gone"));
    assert_eq!(down, ["x:A stale disconnected", "x:B stale disconnected"]);
    assert_eq!(said(&mut intake, &[a]).await, ["x is up ", "x:A low", "x:A live "]);
    let live = r#"{"symbol":"x:B","state":"live"}"#;
    assert_eq!(said(&mut intake, &[live]).await, ["x:B ", "x:B live ", "x:B live "]);
}

#[tokio::test]
async fn a_renamed_feed_has_one_venue_whatever_its_lines_say() {
    let claims = Claims::default();
    claims.take(&venue("x")).expect("another feed has it");
    let mut intake = intake(Some("own"), &claims);
    let lines = [r#"{"symbol":"x:A","low":1}"#, r#"{"symbol":"y:A","low":1}"#];
    let said = said(&mut intake, &lines).await;
    assert_eq!(said[..2], ["own is up ", "own:A low"]);
    assert!(said[2..].iter().all(|event| event.starts_with("own:A")), "{said:?}");
    assert_eq!(intake.venues(), [venue("own")]);
}

#[tokio::test]
async fn a_refused_line_leaves_nothing_behind_and_the_next_goes_on() {
    let claims = Claims::default();
    claims.take(&venue("taken")).expect("free");
    let mut intake = intake(None, &claims);
    for (line, part) in [
        (r#"{"symbol":"taken:A","low":1}"#, "venue `taken` has another feed"),
        (r#"{"symbol":"$stats:A","low":1}"#, "`$stats` is the server's own"),
        (r#"{"symbol":"A","low":1}"#, "venue:NAME"),
        (r#"{"symbol":"x:A B","low":1}"#, "`A B`"),
        (r#"{"symbol":"X:A","low":1}"#, "`X` is not a venue"),
        (r#"{"symbol":"x:A","low":"x"}"#, "`low`"),
        ("nonsense", "not a JSON object"),
    ] {
        let error = intake.line(3, Ok(line.as_bytes()), Ts(0)).expect_err(line).to_string();
        assert!(error.contains(part), "{line}: {error}");
    }
    assert!(intake.line(4, Err(LineError::TooLong), Ts(0)).is_err());
    assert!(handed_over(&mut intake).await.is_empty() && intake.venues().is_empty());
    assert_eq!(intake.tally.counts().malformed, 8);
    assert_eq!(said(&mut intake, &[r#"{"symbol":"x:A","low":1}"#]).await.len(), 3);
}

#[tokio::test]
async fn venues_and_instruments_are_bounded_and_those_known_go_on() {
    let mut intake = intake(None, &Claims::default());
    let line = |venue: usize, name: usize| format!("{{\"symbol\":\"v{venue}:N{name}\",\"low\":1}}");
    for at in 0..VENUES_MAX {
        said(&mut intake, &[&line(at, 0)]).await;
    }
    let error = intake.line(1, Ok(line(VENUES_MAX, 0).as_bytes()), Ts(0));
    assert!(matches!(error, Err(LineError::TooManyVenues)));
    for name in 1..=INSTRUMENTS_MAX - VENUES_MAX {
        intake
            .line(1, Ok(line(0, name).as_bytes()), Ts(0))
            .expect("room for it");
    }
    let error = intake.line(1, Ok(line(0, INSTRUMENTS_MAX).as_bytes()), Ts(0));
    assert!(matches!(error, Err(LineError::TooManyInstruments)));
    assert!(matches!(intake.line(1, Ok(line(5, 0).as_bytes()), Ts(0)), Ok(true)));
}

#[tokio::test(start_paused = true)]
async fn a_venue_whose_lines_stop_is_stale_and_up_again_with_the_next() {
    let mut intake = intake(None, &Claims::default());
    let line = r#"{"symbol":"x:A","low":1}"#;
    said(&mut intake, &[line]).await;
    // Its rate is not known from one line, so this is a long silence.
    tokio::time::advance(Duration::from_secs(299)).await;
    intake.check();
    assert_eq!(handed_over(&mut intake).await, Vec::<String>::new());
    tokio::time::advance(Duration::from_secs(1)).await;
    intake.check();
    intake.check();
    assert_eq!(handed_over(&mut intake).await, ["x is stale no data for 300 s"]);
    assert_eq!(said(&mut intake, &[line]).await, ["x is up ", "x:A low"]);
}
