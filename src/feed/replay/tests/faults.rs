//! Faults are what they say, and the same with the same seed.

use super::*;
use crate::market::StaleCause;

fn events(recording: &Recording, faults: &[&str], seed: u64, to: Option<Ts>) -> Vec<Event> {
    let options = ReplayOptions {
        faults: faults.iter().map(|text| Fault::parse(text).expect(text)).collect(),
        fault_seed: seed,
        to,
        ..options(&[&recording.0])
    };
    let inflows = Replay::open(options)
        .expect("a replay")
        .into_inflows()
        .expect("inflows");
    inflows
        .flat_map(|inflow| inflow.expect("an item").into_events())
        .collect()
}

/// The updates' prices, which count them.
fn prices(events: &[Event]) -> Vec<u64> {
    let price = |event: &Event| match event {
        Event::Update(update) => update
            .fields
            .get(crate::market::Field::LastPrice)
            .map(|value| match value {
                crate::market::Value::Set(price) => price.to_string().parse().expect("a whole price"),
                other => panic!("{other:?}"),
            }),
        _ => None,
    };
    events.iter().filter_map(price).collect()
}

const ALL: [&str; 5] = ["drop=0.1", "duplicate=0.1", "reorder=0.1", "gap=0.1", "delay=5ms..50ms"];

#[test]
fn the_same_seed_makes_the_same_faults_and_another_makes_others() {
    let recording = Recording::new("faults", trades(2_000).as_bytes());
    let whole = events(&recording, &[], 7, None);
    for faults in [&ALL[..1], &ALL[1..2], &ALL[2..3], &ALL[3..4], &ALL[..]] {
        let spoiled = events(&recording, faults, 7, None);
        assert_eq!(spoiled, events(&recording, faults, 7, None), "{faults:?}");
        assert_ne!(spoiled, events(&recording, faults, 8, None), "{faults:?}");
        assert_ne!(spoiled, whole, "{faults:?}");
    }
    assert_eq!(events(&recording, &["drop=0", "slow-socket=9"], 7, None), whole);
    assert!(prices(&events(&recording, &["drop=1"], 7, None)).is_empty());
}

#[test]
fn what_is_dropped_is_missing_and_nothing_else_is_changed() {
    let recording = Recording::new("drop", trades(2_000).as_bytes());
    let left = prices(&events(&recording, &["drop=0.1"], 7, None));
    assert!((1_700..1_900).contains(&left.len()), "{}", left.len());
    assert!(left.is_sorted_by(|a, b| a < b));
    // A fault beside it hits others and leaves it as it is.
    let beside = events(&recording, &["drop=0.1", "delay=5ms..50ms", "duplicate=0.2"], 7, None);
    let mut beside = prices(&beside);
    beside.dedup();
    assert_eq!(beside, left);
}

#[test]
fn what_is_duplicated_comes_twice_in_a_row() {
    let recording = Recording::new("duplicate", trades(2_000).as_bytes());
    let mut twice = prices(&events(&recording, &["duplicate=0.1"], 7, None));
    assert!((2_100..2_300).contains(&twice.len()), "{}", twice.len());
    twice.dedup();
    assert_eq!(twice, (1..=2_000).collect::<Vec<_>>());
}

#[test]
fn what_is_reordered_changes_places_with_the_next_of_its_instrument() {
    let recording = Recording::new("reorder", trades(2_000).as_bytes());
    let mut mixed = prices(&events(&recording, &["reorder=0.1"], 7, None));
    assert_eq!(mixed.len(), 2_000);
    let mut swaps = 0;
    for at in 1..mixed.len() {
        if mixed[at] < mixed[at - 1] {
            assert_eq!(mixed[at] + 1, mixed[at - 1]);
            mixed.swap(at, at - 1);
            swaps += 1;
        }
    }
    assert!((120..250).contains(&swaps), "{swaps}");
    assert_eq!(mixed, (1..=2_000).collect::<Vec<_>>());
    // At the end of what is played nothing gets lost.
    let until = prices(&events(&recording, &["reorder=1"], 7, Some(Ts(999_000_000))));
    assert_eq!((until.len(), &until[996..]), (999, &[998, 997, 999][..]));
}

#[test]
fn a_gap_is_told_until_the_next_update_of_the_instrument() {
    let recording = Recording::new("gap", trades(2_000).as_bytes());
    let gaps = events(&recording, &["gap=0.1"], 7, None);
    let (mut is_stale, mut lost, mut before) = (false, 0, 0);
    for event in &gaps {
        match event {
            Event::State {
                state: TickerState::Stale,
                cause,
                ..
            } => {
                assert_eq!(*cause, Some(StaleCause::Gap));
                (is_stale, lost) = (true, lost + 1);
            }
            Event::State { state, .. } if is_stale => {
                assert_eq!(*state, TickerState::Live);
                is_stale = false;
            }
            Event::Update(_) => {
                assert!(!is_stale, "it is live before its update");
                let price = prices(std::slice::from_ref(event))[0];
                assert_eq!(price - before - 1, lost);
                (before, lost) = (price, 0);
            }
            _ => {}
        }
    }
}

#[test]
fn a_delay_shifts_and_never_overtakes() {
    let recording = Recording::new("delay", trades(500).as_bytes());
    let mut plan = Arc::into_inner(plan(&[&recording.0])).expect("one owner");
    let times = |plan: Plan| -> Vec<Ts> {
        let steps = steps(&Arc::new(plan), None);
        let updates = steps
            .iter()
            .filter(|step| matches!(step.what, What::Event(Event::Update(_))));
        updates.map(|step| step.at).collect()
    };
    plan.faults = vec![Fault::parse("delay=5ms..50ms").expect("a fault")];
    let late = times(plan);
    assert!(late.is_sorted() && late.len() == 500);
    for (n, ts) in late.iter().enumerate() {
        let late = ts.0 - (n as i64 + 1) * 1_000_000;
        assert!((5_000_000..=50_000_000).contains(&late), "{late}");
    }
}
