use super::*;
use crate::market::{Decimal, Field, Fields, Ts, Update};
use proptest::prelude::*;

const S: Duration = Duration::from_secs(1);

fn symbol(name: &str) -> Symbol {
    Symbol::parse(name).expect("a symbol")
}

fn update(name: &str) -> Event {
    let mut fields = Fields::new();
    fields.set(Field::BidPrice, Decimal::from_int(1));
    Event::Update(Update {
        symbol: symbol(name),
        fields,
        ts_event: None,
        ts_recv: Ts(0),
    })
}

fn state(name: &str, state: TickerState, cause: Option<StaleCause>) -> Event {
    Event::State {
        symbol: symbol(name),
        state,
        cause,
    }
}

fn live(name: &str) -> Event {
    state(name, TickerState::Live, None)
}

fn stale(name: &str, cause: StaleCause) -> Event {
    state(name, TickerState::Stale, Some(cause))
}

fn noted(watch: &mut Watch, now: Duration, events: &[Event]) -> Batch {
    let mut batch = events.to_vec();
    watch.note(now, &mut batch, 0);
    batch
}

fn checked(watch: &mut Watch, now: Duration) -> Batch {
    let mut batch = Batch::new();
    watch.check(now, &mut batch);
    batch
}

/// A watch that has seen an update each second up to `until`.
fn learned(name: &str, until: Duration) -> Watch {
    let mut watch = Watch::new(5 * S);
    for second in 0..=until.as_secs() {
        noted(&mut watch, Duration::from_secs(second), &[update(name)]);
    }
    watch
}

#[test]
fn an_instrument_that_falls_silent_is_told_once_and_is_live_with_its_next_update() {
    let mut watch = learned("a:X", 60 * S);
    assert_eq!(checked(&mut watch, 69 * S), []);
    assert_eq!(checked(&mut watch, 71 * S), [stale("a:X", StaleCause::Silent)]);
    assert_eq!(checked(&mut watch, 500 * S), []);
    let batch = noted(&mut watch, 501 * S, &[update("a:X"), update("a:Y")]);
    assert_eq!(batch, [update("a:X"), live("a:X"), update("a:Y")]);
}

#[test]
fn quotes_that_stop_are_noticed_while_trades_go_on() {
    let mut watch = learned("a:X", 60 * S);
    let Event::Update(mut trade) = update("a:X") else {
        panic!("an update");
    };
    trade.fields = Fields::new();
    trade.fields.set(Field::LastPrice, Decimal::from_int(1));
    for second in 61..=70 {
        noted(&mut watch, Duration::from_secs(second), &[Event::Update(trade.clone())]);
    }
    assert_eq!(checked(&mut watch, 71 * S), [stale("a:X", StaleCause::Silent)]);
}

#[test]
fn a_second_silence_like_the_first_is_noticed_too() {
    let mut watch = learned("a:X", 60 * S);
    for start in [60, 660] {
        assert_eq!(
            checked(&mut watch, Duration::from_secs(start + 60)),
            [stale("a:X", StaleCause::Silent)]
        );
        for second in start + 61..=start + 600 {
            noted(&mut watch, Duration::from_secs(second), &[update("a:X")]);
        }
    }
}

#[test]
fn a_halted_market_is_silent_by_nature_and_a_silent_connection_makes_all_others_stale() {
    let mut watch = learned("a:X", 60 * S);
    noted(
        &mut watch,
        60 * S,
        &[update("a:Y"), live("a:Y"), state("a:X", TickerState::Halted, None)],
    );
    assert_eq!(checked(&mut watch, 500 * S), []);
    let mut out = Batch::new();
    watch.silent(&mut out);
    assert_eq!(out, [stale("a:Y", StaleCause::Silent)]);
    assert!(watch.is_whole(&symbol("a:Y")));
}

#[test]
fn an_instrument_that_is_little_known_or_slow_by_nature_is_not_suspected() {
    let mut watch = Watch::new(5 * S);
    for second in [0, 1, 2, 3] {
        noted(&mut watch, Duration::from_secs(second), &[update("a:X")]);
    }
    for minute in 0..30 {
        noted(&mut watch, minute * 60 * S, &[update("a:SLOW")]);
    }
    assert_eq!(checked(&mut watch, 35 * 60 * S), []);
}

#[test]
fn a_lost_connection_makes_all_stale_until_the_parser_says_that_they_are_whole() {
    let mut watch = learned("a:X", 60 * S);
    let mut out = Batch::new();
    watch.lost(&mut out);
    assert_eq!(out, [stale("a:X", StaleCause::Disconnected)]);
    // Neither time nor a part of the data brings it back.
    assert_eq!(checked(&mut watch, 1000 * S), []);
    assert_eq!(noted(&mut watch, 1001 * S, &[update("a:X")]), [update("a:X")]);
    let batch = noted(&mut watch, 1002 * S, &[update("a:X"), live("a:X")]);
    assert_eq!(batch, [update("a:X"), live("a:X")]);
    // The outage was not learned from.
    assert_eq!(checked(&mut watch, 1015 * S), [stale("a:X", StaleCause::Silent)]);
}

#[test]
fn causes_combine_the_connection_before_the_parser_before_silence() {
    let mut watch = learned("a:X", 60 * S);
    assert_eq!(checked(&mut watch, 100 * S), [stale("a:X", StaleCause::Silent)]);
    let gap = stale("a:X", StaleCause::Gap);
    assert_eq!(
        noted(&mut watch, 101 * S, std::slice::from_ref(&gap)),
        std::slice::from_ref(&gap)
    );
    assert!(!watch.is_whole(&symbol("a:X")) && !watch.is_whole(&symbol("a:Y")));
    // An update ends the silence, not the gap.
    assert_eq!(noted(&mut watch, 102 * S, &[update("a:X")]), [update("a:X"), gap]);
    let mut out = Batch::new();
    watch.lost(&mut out);
    assert_eq!(out, [stale("a:X", StaleCause::Disconnected)]);
    let halted = state("a:X", TickerState::Halted, None);
    let still = noted(&mut watch, 103 * S, std::slice::from_ref(&halted));
    assert_eq!(still, [stale("a:X", StaleCause::Disconnected)]);
    assert_eq!(noted(&mut watch, 104 * S, &[live("a:X")]), [live("a:X")]);
    assert_eq!(noted(&mut watch, 105 * S, std::slice::from_ref(&halted)), [halted]);
}

#[test]
fn what_a_feed_took_away_is_no_longer_watched() {
    let mut watch = learned("a:X", 60 * S);
    noted(&mut watch, 60 * S, &[update("a:Y"), Event::Removed(symbol("a:X"))]);
    assert_eq!(checked(&mut watch, 500 * S), []);
    let mut out = Batch::new();
    watch.lost(&mut out);
    assert_eq!(out, [stale("a:Y", StaleCause::Disconnected)]);
}

#[test]
fn only_events_of_the_frame_are_looked_at() {
    let mut watch = Watch::new(S);
    let mut batch = vec![live("a:X"), update("a:Y")];
    watch.note(S, &mut batch, 1);
    let mut out = Batch::new();
    watch.lost(&mut out);
    assert_eq!(out, [stale("a:Y", StaleCause::Disconnected)]);
}

proptest! {
    /// Whatever happens, nothing is shown live between a loss and the parser's word.
    #[test]
    fn nothing_is_live_between_a_loss_and_new_whole_data(steps in prop::collection::vec((0u8..5, 0u64..60), 0..200)) {
        let mut watch = Watch::new(5 * S);
        let (mut now, mut is_whole, mut shown) = (Duration::ZERO, true, TickerState::Live);
        for (what, seconds) in steps {
            now += Duration::from_secs(seconds);
            let mut batch = Batch::new();
            match what {
                0 => { is_whole = watch.list.is_empty(); watch.lost(&mut batch); }
                1 => { is_whole = true; batch = noted(&mut watch, now, &[update("a:X"), live("a:X")]); }
                2 => batch = noted(&mut watch, now, &[update("a:X")]),
                3 => batch = noted(&mut watch, now, &[stale("a:X", StaleCause::Gap)]),
                _ => watch.check(now, &mut batch),
            }
            for event in batch {
                if let Event::State { state, .. } = event { shown = state; }
            }
            prop_assert!(is_whole || shown != TickerState::Live);
        }
    }
}
