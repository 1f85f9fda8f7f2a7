//! Law 1 for event streams, by a reader that knows the rules of the protocol and nothing else.

use std::collections::BTreeMap;

use proptest::prelude::*;
use serde_json::Value;

use super::*;
use crate::fanout::Allowance;
use crate::market::arbitrary::event as any_event;
use crate::market::{Event, Rights, Symbol, SymbolPattern, Ts};
use crate::store::{Table, Writer};
use crate::wire::FRAME_BYTES_MIN;

/// What a subscriber makes of its stream, by the rules of the protocol and nothing else.
#[derive(Clone, Debug, Default)]
struct Seen {
    rows: BTreeMap<u64, BTreeMap<String, Value>>,
    venues: BTreeMap<String, Value>,
    epoch: Value,
    own: u64,
    last_data: u64,
    id: Option<Position>,
    /// A snapshot, or a delta by its seqs, of which parts are still to come.
    is_mid_snapshot: bool,
    open: Option<(u64, u64)>,
    has_begun: bool,
    /// Names that must not be told, in quotes.
    hidden: Vec<String>,
}

/// Of the entry, not of the instrument.
const OF_ENTRY: [&str; 5] = ["id", "updates", "event_age_us", "last_age_us", "cleared"];

impl Seen {
    fn take(&mut self, message: &Message<'_>) {
        assert!(message.json.len() <= FRAME_BYTES_MIN, "{} bytes", message.json.len());
        let text = std::str::from_utf8(message.json).expect("text");
        assert!(!self.hidden.iter().any(|name| text.contains(name)), "{text}");
        let json: Value = serde_json::from_str(text).expect("JSON");
        let body = &json[message.name];
        let number = |name: &str| body[name].as_u64();
        let (seq, more) = (number("seq").unwrap_or(0), body["more"] == true);
        match message.name {
            "snapshot" => {
                assert!(self.open.is_none(), "between the parts of a delta");
                // A new epoch breaks off a snapshot of the one before.
                let is_new = std::mem::replace(&mut self.epoch, body["epoch"].clone()) != body["epoch"];
                if is_new || (body["resumed"] != true && !self.is_mid_snapshot) {
                    (self.rows, self.venues) = Default::default();
                }
                assert!(!self.has_begun || seq >= self.own);
                (self.own, self.last_data, self.is_mid_snapshot) = (seq, seq, more);
                self.has_begun = true;
            }
            "delta" => {
                let prev = number("prev_seq").unwrap_or(seq - 1);
                assert!(prev <= self.own && seq > self.own, "{prev}..{seq} at {}", self.own);
                assert!(
                    self.open.is_none_or(|open| open == (prev, seq)),
                    "parts belong together"
                );
                self.open = more.then_some((prev, seq));
                if !more {
                    (self.own, self.last_data) = (seq, seq);
                }
            }
            "heartbeat" => {
                assert_eq!(number("prev_seq").unwrap_or(0), self.last_data);
                assert!(seq >= self.own);
                self.own = seq;
            }
            other => panic!("{other}"),
        }
        assert!(message.id.is_none() || !more, "the id is on the last part");
        if let Some((epoch, seq)) = message.id {
            let epoch = epoch.get();
            self.id = Some(Position { epoch, seq });
        }
        self.lists(body);
    }

    fn lists(&mut self, body: &Value) {
        let list = |name: &str| body[name].as_array().cloned().unwrap_or_default();
        for id in list("removed") {
            self.rows.remove(&id.as_u64().expect("an id"));
        }
        for instrument in list("instruments") {
            let symbol = BTreeMap::from([("symbol".to_owned(), instrument["symbol"].clone())]);
            self.rows.insert(instrument["id"].as_u64().expect("an id"), symbol);
        }
        for ticker in list("tickers") {
            let row = self
                .rows
                .get_mut(&ticker["id"].as_u64().expect("an id"))
                .expect("announced");
            let count = row.get("update_count").and_then(Value::as_u64).unwrap_or(0);
            let fields = ticker.as_object().expect("an object");
            let own = fields.iter().filter(|(name, _)| !OF_ENTRY.contains(&name.as_str()));
            row.extend(own.map(|(name, value)| (name.clone(), value.clone())));
            if !fields.contains_key("update_count") {
                let updates = fields.get("updates").and_then(Value::as_u64).unwrap_or(1);
                row.insert("update_count".to_owned(), (count + updates).into());
            }
            if fields.contains_key("state") && !fields.contains_key("cause") {
                row.remove("cause");
            }
            for name in ticker["cleared"].as_array().into_iter().flatten() {
                row.remove(name.as_str().expect("a name"));
            }
        }
        for venue in list("venues") {
            let name = venue["name"].as_str().expect("a name").to_owned();
            self.venues.insert(name, venue);
        }
    }
}

fn symbols() -> Vec<Symbol> {
    let name = |n: usize| format!("{}:{n}-{}", ["a", "b"][n % 2], "N".repeat(n % 40));
    (0..40).map(|n| Symbol::parse(&name(n)).expect("a symbol")).collect()
}

#[derive(Clone, Debug)]
enum Step {
    Beat(Vec<Event>),
    Read,
    Heartbeat,
    Cut,
    Epoch,
}

fn step() -> impl Strategy<Value = Step> {
    let event = any_event(symbols(), 1_000..5_000_000);
    prop_oneof![
        4 => prop::collection::vec(event, 1..60).prop_map(Step::Beat),
        6 => Just(Step::Read),
        1 => Just(Step::Heartbeat),
        1 => Just(Step::Cut),
        1 => Just(Step::Epoch),
    ]
}

/// What readers may see: all, a venue, some of each, nothing.
const RIGHTS: [Option<&[&str]>; 4] = [None, Some(&["a:*"]), Some(&["*:1*", "b:7-NNNNNNN"]), Some(&[])];

fn rights(texts: Option<&[&str]>) -> Rights {
    let parse = |text: &&str| SymbolPattern::parse(text).expect(text);
    texts.map_or(Rights::all(), |texts| Rights::of(texts.iter().map(parse)))
}

/// Rows by symbol: ids depend on what else there is.
fn by_symbol(seen: &Seen) -> BTreeMap<String, BTreeMap<String, Value>> {
    let rows = seen.rows.values();
    rows.map(|row| (row["symbol"].to_string(), row.clone())).collect()
}

/// A store that takes a beat where something changed.
fn beat<'a>(writer: &mut Writer, state: &mut State, events: impl Iterator<Item = &'a Event>) {
    state.ts.0 += 10_000_000;
    events.for_each(|event| writer.apply(event, state.ts));
    if let Some(mut beat) = writer.seal(state.ts) {
        beat.seq = state.table.seq().next();
        state.table.apply(&beat);
    }
}

fn symbol_of(event: &Event) -> Option<&Symbol> {
    match event {
        Event::Update(update) => Some(&update.symbol),
        Event::Listed { symbol, .. } | Event::Removed(symbol) | Event::State { symbol, .. } => Some(symbol),
        _ => None,
    }
}

fn begin(state: &State, position: Option<Position>) -> Follow {
    begin_under(&Rights::all(), state, position)
}

fn begin_under(rights: &Rights, state: &State, position: Option<Position>) -> Follow {
    let allowance = Allowance {
        rights: rights.clone(),
        ..Allowance::everything(1_000)
    };
    let asked = Asked::parse("a:*,b:1-N,b:7-NNNNNNN,b:X", allowance).expect("a list");
    let held = found(&asked, state);
    Follow::begin(asked, held, position, state, FRAME_BYTES_MIN).expect("within bounds")
}

fn found(asked: &Asked, state: &State) -> Search {
    let mut search = Search::begin(asked, state);
    while !search.step(asked, &state.table) {}
    search
}

fn read_on(follow: &mut Follow, state: &State, seen: &mut Seen) {
    let mut scratch = Scratch::default();
    while let Some(message) = follow.next(state, 0, &mut scratch) {
        seen.take(&message);
    }
}

proptest! {
    #[test]
    fn whoever_reads_on_over_cuts_and_epochs_has_what_a_new_snapshot_has(
        rights in prop::sample::select(RIGHTS.to_vec()).prop_map(rights),
        steps in prop::collection::vec(step(), 1..40),
    ) {
        let epoch = |number: u64| Epoch::new(number).expect("an epoch");
        let may_see = |event: &Event| symbol_of(event).is_none_or(|symbol| rights.allow(symbol));
        let (mut writer, mut state) = (Writer::new(100), State::with(epoch(7), Ts(0), Table::new()));
        // A store that holds only what may be seen.
        let (mut twin_writer, mut twin) = (Writer::new(100), State::with(epoch(7), Ts(0), Table::new()));
        let named = ["b:1-N", "b:7-NNNNNNN"];
        let hidden = symbols().into_iter().filter(|s| !rights.allow(s) && !named.contains(&s.as_str()));
        let hidden = hidden.map(|symbol| format!("\"{symbol}\"")).collect();
        let (mut follow, mut seen) = (begin_under(&rights, &state, None), Seen { hidden, ..Seen::default() });
        let mut scratch = Scratch::default();
        for step in steps {
            match step {
                Step::Beat(events) => {
                    beat(&mut writer, &mut state, events.iter());
                    beat(&mut twin_writer, &mut twin, events.iter().filter(|event| may_see(event)));
                }
                Step::Read => {
                    if let Some(message) = follow.next(&state, 0, &mut scratch) {
                        seen.take(&message);
                    }
                }
                Step::Heartbeat if follow.is_mid_message() => {}
                Step::Heartbeat => {
                    // Whoever waits for one has been sent all before it but what its pace withholds.
                    seen.take(&follow.heartbeat(&state, &mut scratch));
                }
                Step::Cut => {
                    follow = begin_under(&rights, &state, seen.id);
                    (seen.open, seen.is_mid_snapshot) = (None, false);
                    seen.own = seen.id.map_or(0, |id| id.seq.0);
                    // Its values may be ahead of its seq; whole counts make that right.
                }
                Step::Epoch => {
                    state.epoch = epoch(state.epoch.get() + 1);
                    state.table = Table::after(state.table.seq());
                    twin.table = Table::after(twin.table.seq());
                    (writer, twin_writer) = (Writer::new(100), Writer::new(100));
                }
            }
        }
        read_on(&mut follow, &state, &mut seen);
        let (mut fresh, mut want) = (begin_under(&rights, &state, None), Seen::default());
        read_on(&mut fresh, &state, &mut want);
        let (mut other, mut of_twin) = (begin(&twin, None), Seen::default());
        read_on(&mut other, &twin, &mut of_twin);
        prop_assert_eq!(by_symbol(&seen), by_symbol(&of_twin));
        prop_assert_eq!(seen.rows, want.rows);
        prop_assert_eq!(seen.venues, want.venues);
        let position = Position { epoch: state.epoch.under(&rights).get(), seq: state.table.seq() };
        prop_assert_eq!(want.id, Some(position));
    }
}

#[test]
fn beats_that_found_no_room_are_told_and_nothing_is_told_twice() {
    let (mut writer, mut state) = (
        Writer::new(100),
        State::with(Epoch::new(7).expect("an epoch"), Ts(0), Table::new()),
    );
    let mut follow = begin(&state, None);
    let mut scratch = Scratch::default();
    let first = follow.next(&state, 0, &mut scratch).expect("a snapshot");
    assert_eq!((first.name, first.id), ("snapshot", Some((state.epoch, Seq::ZERO))));
    assert_eq!(follow.next(&state, 0, &mut Scratch::default()), None);
    let event = Event::Listed {
        symbol: Symbol::parse("a:1").expect("a symbol"),
        price_decimals: None,
        size_decimals: None,
        volume_decimals: None,
    };
    writer.apply(&event, Ts(1));
    state.table.apply(&writer.seal(Ts(1)).expect("a beat"));
    let delta = follow.next(&state, 3, &mut scratch).expect("news");
    let json: Value = serde_json::from_slice(delta.json).expect("JSON");
    assert_eq!(
        (&json["delta"]["skipped"], delta.id),
        (&3.into(), Some((state.epoch, Seq(1))))
    );
    assert_eq!(follow.next(&state, 0, &mut Scratch::default()), None);
}

#[test]
fn more_wrong_symbols_than_a_message_can_name_are_refused() {
    let list: Vec<String> = (0..2_000).map(|n| n.to_string()).collect();
    let asked = Asked::parse(&list.join(","), Allowance::everything(1_000)).expect("a list");
    let state = State::with(Epoch::new(7).expect("an epoch"), Ts(0), Table::new());
    let held = found(&asked, &state);
    let refused = Follow::begin(asked, held, None, &state, 65_536).map(|_| ());
    assert!(format!("{refused:?}").contains("ask for fewer"), "{refused:?}");
}
