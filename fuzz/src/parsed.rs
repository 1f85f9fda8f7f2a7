//! What a venue's parser promises of each frame, whatever the frame is.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::value::RawValue;
use tickwire::feed::Batch;
use tickwire::feed::parse::{Counts, FrameParser, Heard, ParseError};
use tickwire::market::{
    DECIMALS_MAX, Decimal, Event, Field, StaleCause, Symbol, TickerState, Ts, Update, Value, VenueName,
};

use super::numbers::Numbers;

/// What is promised of one venue's parser beyond what all promise.
#[derive(Clone, Copy)]
pub(crate) struct Promises {
    /// The best bid is below the best ask, as its books have no checksum that would say otherwise.
    pub(crate) is_never_crossed: bool,
    /// A state is not said twice in a row.
    pub(crate) says_states_once: bool,
}

/// A parser under watch.
pub(crate) struct Watched {
    parser: Box<dyn FrameParser>,
    venue: VenueName,
    promises: Promises,
    counts: Counts,
    numbers: Numbers,
    told: BTreeMap<Symbol, Told>,
}

/// What was told of an instrument so far.
#[derive(Default)]
struct Told {
    bid: Option<Decimal>,
    ask: Option<Decimal>,
    state: Option<(TickerState, Option<StaleCause>)>,
}

impl Watched {
    pub(crate) fn new(parser: Box<dyn FrameParser>, venue: VenueName, promises: Promises) -> Watched {
        Watched {
            counts: parser.counts(),
            parser,
            venue,
            promises,
            numbers: Numbers::default(),
            told: BTreeMap::new(),
        }
    }

    /// Feeds a frame and returns its events.
    pub(crate) fn frame(&mut self, frame: &[u8], ts_recv: Ts) -> Batch {
        self.numbers.read(frame);
        let mut out = Batch::new();
        let heard = self.parser.frame(frame, ts_recv, &mut out);
        let before = std::mem::replace(&mut self.counts, self.parser.counts());
        let counted = between(before, self.counts);
        check_counts(&counted, &heard, frame, &out);
        if let Err(error) = &heard {
            assert!(error.to_string().len() < 2 * frame.len() + 300, "a long error: {error}");
            if parts(frame).is_some_and(|parts| parts <= 1) {
                out.iter().for_each(check_nothing_told);
            }
        }
        for event in &out {
            self.event(event, ts_recv);
        }
        out
    }

    /// What was counted so far.
    pub(crate) fn counts(&self) -> Counts {
        self.counts
    }

    fn event(&mut self, event: &Event, ts_recv: Ts) {
        match event {
            Event::Update(update) => {
                assert_eq!(update.ts_recv, ts_recv);
                self.update(update);
            }
            Event::Listed {
                symbol,
                price_decimals,
                size_decimals,
                volume_decimals,
            } => {
                assert_eq!(symbol.venue(), self.venue.as_str());
                let decimals = [price_decimals, size_decimals, volume_decimals];
                assert!(
                    decimals.iter().all(|d| d.is_none_or(|d| d <= DECIMALS_MAX)),
                    "{event:?}"
                );
            }
            Event::State { symbol, state, cause } => {
                assert_eq!(symbol.venue(), self.venue.as_str());
                match state {
                    TickerState::Stale => assert!(matches!(cause, Some(StaleCause::Gap | StaleCause::Checksum))),
                    TickerState::Live | TickerState::Halted => assert_eq!(*cause, None),
                }
                let told = self.told.entry(symbol.clone()).or_default();
                let before = told.state.replace((*state, *cause));
                let is_same = before == told.state;
                assert!(!(self.promises.says_states_once && is_same), "said twice: {event:?}");
            }
            Event::Removed(_) | Event::Venue { .. } => panic!("not a parser's to say: {event:?}"),
        }
    }

    fn update(&mut self, update: &Update) {
        assert_eq!(update.symbol.venue(), self.venue.as_str());
        assert!(!update.fields.is_empty(), "an update of nothing: {update:?}");
        assert!(update.ts_event.is_none_or(|ts| ts.0 >= 0), "{update:?}");
        let told = self.told.entry(update.symbol.clone()).or_default();
        for (field, value) in update.fields.iter() {
            let set = match value {
                Value::Set(decimal) => Some(decimal),
                Value::Cleared | Value::Misfit => None,
            };
            match (field, set) {
                (Field::LastSide, Some(side)) => assert!(matches!(side.scaled(0), Some(1 | 2)), "{update:?}"),
                (_, Some(number)) => self.numbers.check(number),
                (_, None) => {}
            }
            match field {
                Field::BidPrice => told.bid = set,
                Field::AskPrice => told.ask = set,
                _ => {}
            }
        }
        let is_crossed = told.bid.zip(told.ask).is_some_and(|(bid, ask)| bid >= ask);
        assert!(!(self.promises.is_never_crossed && is_crossed), "crossed: {update:?}");
    }
}

/// What was counted between two looks; nothing is ever taken back.
fn between(before: Counts, after: Counts) -> Counts {
    let grown = |before: u64, after: u64| after.checked_sub(before).expect("a count went back");
    Counts {
        frames: grown(before.frames, after.frames),
        updates: grown(before.updates, after.updates),
        passed_over: grown(before.passed_over, after.passed_over),
        malformed: grown(before.malformed, after.malformed),
        stale: grown(before.stale, after.stale),
        gaps: grown(before.gaps, after.gaps),
        checksums: grown(before.checksums, after.checksums),
    }
}

/// Each frame is counted, as something, and so is each update.
fn check_counts(counted: &Counts, heard: &Result<Heard, ParseError>, frame: &[u8], out: &Batch) {
    assert_eq!(counted.frames, 1);
    let updates = out.iter().filter(|event| matches!(event, Event::Update(_))).count();
    assert_eq!(counted.updates, updates as u64, "{counted:?} of {out:?}");
    let refused = counted.malformed + counted.passed_over;
    let others = counted.updates + counted.stale + counted.gaps + counted.checksums;
    // A list without anything in it is in no count.
    let solid: Vec<u8> = frame
        .iter()
        .copied()
        .filter(|byte| !byte.is_ascii_whitespace())
        .collect();
    let has_empty_list = solid.windows(2).any(|pair| pair == b"[]");
    assert!(refused + others > 0 || has_empty_list, "in no count: {heard:?}");
    match heard {
        Err(error) => assert!(refused > 0, "not counted: {error}"),
        // Of a message with several parts: one is lost, another malformed.
        Ok(Heard::Lost(names)) => assert!(!names.is_empty() && names.iter().all(|name| !name.is_empty())),
        Ok(_) => assert_eq!(counted.malformed, 0, "malformed, but {heard:?}"),
    }
}

/// Nothing of a message that was refused is told but that something is lost.
fn check_nothing_told(event: &Event) {
    let is_loss = matches!(
        event,
        Event::State {
            state: TickerState::Stale,
            cause: Some(StaleCause::Gap),
            ..
        }
    );
    assert!(is_loss, "of a message at fault: {event:?}");
}

/// The messages in a frame, which may be right or wrong each by itself; `None` where it is not clear.
fn parts(frame: &[u8]) -> Option<usize> {
    #[derive(Deserialize)]
    struct Wrapped<'a> {
        #[serde(borrow, default)]
        data: Option<&'a RawValue>,
        #[serde(borrow, default)]
        events: Option<&'a RawValue>,
    }
    let count = |json: &[u8]| {
        serde_json::from_slice::<Vec<&RawValue>>(json)
            .ok()
            .map(|list| list.len())
    };
    if let Some(parts) = count(frame) {
        return Some(parts);
    }
    match serde_json::from_slice::<Wrapped<'_>>(frame) {
        Ok(Wrapped { data, events }) => {
            let inner = data.or(events).and_then(|list| count(list.get().as_bytes()));
            Some(inner.unwrap_or(1))
        }
        // A key that comes twice.
        Err(_) if serde_json::from_slice::<IgnoredAny>(frame).is_ok() => None,
        Err(_) => Some(0),
    }
}
