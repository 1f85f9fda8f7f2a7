//! Timelines: the same each time, and a seek gives what playing gives.

use proptest::prelude::*;

use super::super::beats::BEAT_NS;
use super::*;

const MS: i64 = 1_000_000;

fn words(steps: &[Step]) -> Vec<String> {
    steps.iter().map(|step| format!("{step:?}")).collect()
}

#[test]
fn beats_end_at_multiples_of_10_ms_and_the_end_is_one_more() {
    let recording = Recording::new(
        "beats",
        capture("binance", &[(1_003, 0), (1_010, 0), (1_025, 0)]).as_bytes(),
    );
    let plan = plan(&[&recording.0]);
    assert_eq!(plan.start(), Ts(1_000 * MS));
    let steps = steps(&plan, None);
    let beats: Vec<i64> = steps
        .iter()
        .filter(|s| matches!(s.what, What::Beat))
        .map(|s| s.at.0 / MS)
        .collect();
    assert_eq!(beats, [1_010, 1_020, 1_030, 1_040]);
    let last = steps.iter().rev().find_map(|step| match &step.what {
        What::Event(Event::Venue { state, reason, .. }) => Some((*state, reason.as_str())),
        _ => None,
    });
    assert_eq!(last, Some((VenueState::Down, "replay ended")));
}

#[test]
fn a_long_gap_is_a_minute_of_empty_beats_and_then_a_jump() {
    let hour = 3_600_000;
    let recording = Recording::new("gap", capture("binance", &[(1_005, 0), (1_005 + hour, 0)]).as_bytes());
    let steps = steps(&plan(&[&recording.0]), None);
    let beats: Vec<i64> = steps
        .iter()
        .filter(|s| matches!(s.what, What::Beat))
        .map(|s| s.at.0)
        .collect();
    assert!(beats.windows(2).all(|pair| pair[0] < pair[1]));
    assert!(beats.contains(&((1_010 + hour) * MS)));
    // Within it one more event: the venue fell silent.
    assert!((12_002..12_010).contains(&beats.len()), "{}", beats.len());
}

#[test]
fn several_are_merged_by_time_and_those_of_one_venue_may_not_overlap() {
    let one = Recording::new("one", capture("binance", &[(1_000, 1), (3_000, 1)]).as_bytes());
    let two = Recording::new("two", capture("binance-usdm", &[(2_000, 1), (3_000, 1)]).as_bytes());
    let merged = steps(&plan(&[&two.0, &one.0]), None);
    let updates: Vec<(i64, String)> = merged
        .iter()
        .filter_map(|step| match &step.what {
            What::Event(Event::Update(update)) => Some((step.at.0 / MS, update.symbol.venue().to_owned())),
            _ => None,
        })
        .collect();
    let names = updates
        .iter()
        .map(|(ms, venue)| (*ms, venue.as_str()))
        .collect::<Vec<_>>();
    let want = [
        (1_000, "binance"),
        (2_000, "binance-usdm"),
        (3_000, "binance-usdm"),
        (3_000, "binance"),
    ];
    assert_eq!(names, want);
    let three = Recording::new("three", capture("binance", &[(2_500, 1)]).as_bytes());
    let four = Recording::new("four", capture("binance", &[(3_001, 1)]).as_bytes());
    let labels = |files: [&Recording; 2]| Plan::labels(&files.map(|f| f.0.clone()), None, false);
    let error = labels([&one, &three]).expect_err("they overlap").to_string();
    assert!(
        error.contains("-one") && error.contains("-three") && error.contains("`binance`"),
        "{error}"
    );
    let apart = labels([&four, &one]).expect("one after the other");
    assert_eq!(
        apart.iter().map(|label| label.last.0 / MS).collect::<Vec<_>>(),
        [3_000, 3_001]
    );
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, cases: 60, ..ProptestConfig::default() })]
    #[test]
    fn a_seek_gives_the_state_that_playing_gives_and_what_follows(
        mut moments in prop::collection::vec((1_000i64..1_400, 0u8..6), 1..60), at in 0usize..60,
    ) {
        moments.sort_unstable();
        let recording = Recording::new("seek", capture("binance", &moments).as_bytes());
        let plan = plan(&[&recording.0]);
        let whole = steps(&plan, None);
        prop_assert_eq!(words(&whole), words(&steps(&plan, None)));
        let to = Ts(plan.start().0 + at as i64 * BEAT_NS).min(beat_of(plan.last()));
        let sought = steps(&plan, Some(to));
        let What::Image(image) = &sought[0].what else { panic!("a state comes first") };
        prop_assert_eq!(&played(&whole, to), &**image);
        // What follows is the same, however it came there.
        let rest = |steps: &[Step]| words(&steps.iter().filter(|s| s.at > to).cloned().collect::<Vec<_>>());
        prop_assert_eq!(rest(&whole), rest(&sought));
        prop_assert_eq!(played(&whole, Ts(i64::MAX)), played(&sought, Ts(i64::MAX)));
    }
}
