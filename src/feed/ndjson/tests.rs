use std::path::PathBuf;

use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::super::{channel, supervise};
use super::*;
use crate::market::{Event, StaleCause, VenueState};

/// A file for one test, gone when it is dropped.
struct Written(PathBuf);

impl Written {
    fn new(name: &str, bytes: &[u8]) -> Written {
        let path = std::env::temp_dir().join(format!("tickwire-ndjson-{}-{name}", std::process::id()));
        std::fs::write(&path, bytes).expect("a file for the test");
        Written(path)
    }
}

impl Drop for Written {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

fn feeds(specs: &[&str]) -> Result<Vec<Box<dyn Feed>>, SpecError> {
    let context = FeedContext::new(watch::channel(false).1);
    let built = specs.iter().map(|spec| build(&FeedSpec::parse(spec)?, &context));
    Ok(built.collect::<Result<Vec<_>, _>>()?.into_iter().flatten().collect())
}

/// All events of a supervised run, until the feed is done, and the largest batch.
async fn read(spec: &str) -> (Vec<Event>, usize) {
    let feed = feeds(&[spec]).expect("a feed").pop().expect("a feed");
    let (out, mut batches) = channel(2);
    let supervised = tokio::spawn(supervise(feed, out, CancellationToken::new()));
    let (mut events, mut largest) = (Vec::new(), 0);
    while let Some(inflow) = batches.recv().await {
        let batch = inflow.into_events();
        largest = largest.max(batch.len());
        events.extend(batch);
    }
    supervised.await.expect("no panic");
    (events, largest)
}

#[tokio::test]
async fn a_file_is_read_to_its_end_in_batches_and_then_all_of_it_is_down() {
    let lines = (0..5_000).map(|n| format!("{{\"symbol\":\"x:N{}\",\"last_price\":\"{n}\"}}\n", n % 10));
    let last = "no line\n\n{\"symbol\":\"x:N0\",\"last_price\":\"5000.5\"}";
    let file = Written::new("whole", (lines.collect::<String>() + last).as_bytes());
    let (events, largest) = read(&format!("ndjson:{}", file.0.display())).await;
    let updates = events.iter().filter_map(|event| match event {
        Event::Update(update) => update.fields.get(crate::market::Field::LastPrice),
        _ => None,
    });
    let prices: Vec<_> = updates.collect();
    assert_eq!(prices.len(), 5_001);
    assert!(largest < 256 + 4, "{largest}");
    let stale = events.iter().filter(|event| {
        let want = Some(StaleCause::Disconnected);
        matches!(event, Event::State { cause, .. } if *cause == want)
    });
    assert_eq!(stale.count(), 10);
    let end = events.last();
    assert!(
        matches!(end, Some(Event::Venue { state: VenueState::Down, reason, .. }) if reason == "end of input"),
        "{end:?}"
    );
}

#[test]
fn two_feeds_of_one_venue_or_of_standard_input_are_refused() {
    let error = |specs: &[&str]| feeds(specs).err().expect("refused").to_string();
    assert!(error(&["ndjson:-", "ndjson:-"]).contains("standard input"));
    let both = ["ndjson:tcp://a:1?venue=x", "ndjson:tcp://b:1?venue=x"];
    assert!(error(&both).contains("`x`"));
    assert!(feeds(&["ndjson:-", "ndjson:tcp://a:1", "ndjson:tcp://a:2"]).is_ok());
}

#[tokio::test]
async fn nobody_at_an_address_is_an_error_that_names_it_and_may_pass() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let addr = listener.local_addr().expect("an address");
    drop(listener);
    let mut feed = feeds(&[&format!("ndjson:tcp://{addr}")])
        .expect("a feed")
        .pop()
        .expect("a feed");
    let (out, _batches) = channel(1);
    let error = feed.run(&out).await.expect_err("nobody is there");
    assert!(
        error.is_retryable() && error.to_string().contains(&addr.to_string()),
        "{error}"
    );
}
