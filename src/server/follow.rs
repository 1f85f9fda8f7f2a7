//! What comes next on an event stream: the answer to "what changed since the last message", assembled when the reader
//! has room for it and not before.
//!
//! A message that is larger than one frame comes in parts, each assembled when its turn comes: what is kept in between
//! is four bytes an instrument. A later part may hold values that are newer than the message's seq; the next delta,
//! which begins at that seq, has them again, and values are absolute.

use super::asked::{Asked, Position, Since};
use super::error::ApiError;
use super::query::State;
use crate::fanout::{resolve, resolve_from};
use crate::market::InstrumentId;
use crate::store::{Epoch, Seq, Table};
use crate::wire::{self, Chunks, DeltaHead, Encoding, FrameBuf, SnapshotHead};

/// One stream's position.
#[derive(Debug)]
pub(super) struct Follow {
    asked: Asked,
    epoch: Epoch,
    /// Instruments held, ascending, tombstones included.
    ids: Vec<InstrumentId>,
    /// Instruments of the table that were looked at for them.
    resolved: usize,
    /// The subscriber has seen everything up to here.
    told: Seq,
    /// Seq of the last data message.
    last_data: Seq,
    /// Updates up to here may have been counted.
    counted: Seq,
    /// The message whose last part was not given.
    open: Option<Open>,
    frame_bytes_max: usize,
    chunks: Chunks,
    frame: FrameBuf,
}

#[derive(Debug)]
struct Open {
    kind: Kind,
    seq: Seq,
    /// What it counts from.
    since: Seq,
    /// Its instruments; those before `at` were given.
    ids: Vec<InstrumentId>,
    at: usize,
    /// Venues before this position of the table were given.
    venue_at: usize,
    is_begun: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Snapshot { resumed: bool },
    Delta { skipped: u32 },
}

/// A message or a part of one, in JSON.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Message<'a> {
    /// Its body's name.
    pub(super) name: &'static str,
    /// Where to resume, once it was read.
    pub(super) id: Option<(Epoch, Seq)>,
    pub(super) json: &'a [u8],
}

impl Follow {
    /// Begins behind a position, or with a whole snapshot.
    ///
    /// # Errors
    /// Where more is asked for than a subscriber may hold, or than a message can say.
    pub(super) fn begin(
        asked: Asked,
        position: Option<Position>,
        state: &State,
        (symbols_max, frame_bytes_max): (usize, usize),
    ) -> Result<Follow, ApiError> {
        if asked.tail_at_most().cost(Encoding::Json) > wire::room(frame_bytes_max) {
            return Err(ApiError::too_much(
                "the snapshot's pending and rejected symbols would not fit into one message: ask for fewer symbols at once",
            ));
        }
        let ids = asked.resolve(&state.table, symbols_max)?;
        let mut follow = Follow {
            asked,
            epoch: state.epoch,
            ids,
            resolved: state.table.len(),
            told: Seq::ZERO,
            last_data: Seq::ZERO,
            counted: Seq::ZERO,
            open: None,
            frame_bytes_max,
            chunks: Chunks::new(Encoding::Json),
            frame: FrameBuf::new(),
        };
        match Position::from(position, state.epoch, state.table.seq()) {
            Since::Seq(since) => follow.snapshot(state, Some(since)),
            Since::Start | Since::Ahead => follow.snapshot(state, None),
        }
        Ok(follow)
    }

    /// Whether a message was begun: its next part waits for no pace.
    pub(super) fn is_mid_message(&self) -> bool {
        self.open.is_some()
    }

    /// The next message, or part of one; `None` where nothing is news.
    ///
    /// `skipped`: beats with changes that the reader had no room for.
    pub(super) fn next(&mut self, state: &State, skipped: u32) -> Option<Message<'_>> {
        if state.epoch != self.epoch {
            return Some(self.renew(state));
        }
        if self.open.is_none() {
            self.delta(&state.table, skipped)?;
        }
        Some(self.part(state))
    }

    /// A heartbeat, never beyond a change that was not told.
    pub(super) fn heartbeat(&mut self, state: &State) -> Message<'_> {
        if state.epoch == self.epoch && self.open.is_none() {
            self.extend(&state.table);
            if self.news(&state.table).is_none() {
                self.told = state.table.seq();
            }
        }
        self.frame
            .heartbeat(Encoding::Json, self.told, state.ts, self.last_data);
        Message {
            name: "heartbeat",
            id: (self.told > Seq::ZERO && self.open.is_none()).then_some((self.epoch, self.told)),
            json: self.frame.as_bytes(),
        }
    }

    /// Ends a delta that was begun, without anything more, then begins a whole snapshot of the new epoch.
    fn renew(&mut self, state: &State) -> Message<'_> {
        let begun = self.open.take().filter(|open| open.is_begun);
        if let Some(Open {
            kind: Kind::Delta { skipped },
            seq,
            since,
            ..
        }) = begun
        {
            let head = DeltaHead {
                seq,
                prev_seq: since,
                ts: state.ts,
                skipped,
            };
            self.chunks.clear();
            self.frame.delta(&head, &self.chunks, &[], false);
            (self.told, self.last_data) = (seq, seq);
            let (name, id, json) = ("delta", None, self.frame.as_bytes());
            return Message { name, id, json };
        }
        self.epoch = state.epoch;
        self.ids = resolve(&self.asked.strings, &state.table);
        self.resolved = state.table.len();
        self.snapshot(state, None);
        self.part(state)
    }

    fn snapshot(&mut self, state: &State, since: Option<Seq>) {
        let resumed = since.is_some();
        self.open = Some(Open {
            kind: Kind::Snapshot { resumed },
            seq: state.table.seq(),
            since: since.unwrap_or(Seq::ZERO),
            ids: self.ids.clone(),
            at: 0,
            venue_at: 0,
            is_begun: false,
        });
    }

    /// Begins a delta, where there is anything to tell.
    fn delta(&mut self, table: &Table, skipped: u32) -> Option<()> {
        self.extend(table);
        let ids = self.news(table)?;
        self.open = Some(Open {
            kind: Kind::Delta { skipped },
            seq: table.seq(),
            since: self.told,
            ids,
            at: 0,
            venue_at: 0,
            is_begun: false,
        });
        Some(())
    }

    /// Takes in instruments listed since.
    fn extend(&mut self, table: &Table) {
        let new = resolve_from(&self.asked.strings, table, self.resolved);
        self.ids.extend(new);
        self.resolved = table.len();
    }

    /// Instruments held that changed, ascending; `None` where neither they nor a venue did.
    fn news(&self, table: &Table) -> Option<Vec<InstrumentId>> {
        // Whichever list is shorter is gone through.
        let changed: Vec<_> = table.changed_since(self.told).take(self.ids.len() + 1).collect();
        let is_held = |id: &InstrumentId| self.ids.binary_search(id).is_ok();
        let mut ids: Vec<InstrumentId> = match changed.len() > self.ids.len() {
            true => self.ids.clone(),
            false => changed.into_iter().filter(is_held).collect(),
        };
        ids.retain(|id| table.delta_since(*id, self.told, self.counted).is_some());
        ids.sort_unstable();
        let is_news = |(at, venue): (usize, &crate::store::VenueRow)| {
            table.is_venue_news(at, self.told) && self.asked.touches(venue.name.as_str())
        };
        (!ids.is_empty() || table.venues().enumerate().any(is_news)).then_some(ids)
    }

    /// Assembles the next part of the message that is open.
    fn part(&mut self, state: &State) -> Message<'_> {
        let table = &state.table;
        let Some(mut open) = self.open.take() else {
            unreachable!("a message was begun")
        };
        self.chunks.clear();
        let room = wire::room(self.frame_bytes_max);
        let is_all = self.fill(&mut open, state, room);
        let counted = self.counted.max(table.seq());
        let tail = match open.kind {
            Kind::Snapshot { .. } => self.asked.tail(table),
            Kind::Delta { .. } => Default::default(),
        };
        let is_last = is_all && self.chunks.cost() + tail.cost(Encoding::Json) <= room;
        let picks: Vec<u32> = (0..self.chunks.len() as u32).collect();
        let (epoch, seq, ts) = (self.epoch, open.seq, state.ts);
        let name = match open.kind {
            Kind::Snapshot { resumed } => {
                let head = SnapshotHead {
                    epoch,
                    seq,
                    ts,
                    request_id: 0,
                    resumed,
                };
                self.frame
                    .snapshot(&head, &self.chunks, &picks, is_last.then_some(&tail));
                "snapshot"
            }
            Kind::Delta { skipped } => {
                let head = DeltaHead {
                    seq,
                    prev_seq: open.since,
                    ts,
                    skipped: if is_last { skipped } else { 0 },
                };
                self.frame.delta(&head, &self.chunks, &picks, !is_last);
                "delta"
            }
        };
        self.counted = counted;
        open.is_begun = true;
        // Parts of a snapshot move own seq, each by itself; those of a delta with the last.
        if is_last || matches!(open.kind, Kind::Snapshot { .. }) {
            (self.told, self.last_data) = (seq, seq);
        }
        if !is_last {
            self.open = Some(open);
        }
        Message {
            name,
            id: is_last.then_some((epoch, seq)),
            json: self.frame.as_bytes(),
        }
    }

    /// Takes what fits into a part; true once nothing is left.
    fn fill(&mut self, open: &mut Open, state: &State, room: usize) -> bool {
        let (table, is_snapshot) = (&state.table, matches!(open.kind, Kind::Snapshot { .. }));
        for id in &open.ids[open.at..] {
            let entry = match is_snapshot {
                true => table.changes_since(*id, open.since),
                false => table.delta_since(*id, open.since, self.counted),
            };
            if entry.is_some_and(|entry| !self.chunks.push_within(&entry, state.ts, room)) {
                return false;
            }
            open.at += 1;
        }
        for (at, venue) in table.venues().enumerate().skip(open.venue_at) {
            let is_meant = self.asked.touches(venue.name.as_str());
            let is_whole = open.kind == Kind::Snapshot { resumed: false };
            if is_meant
                && (is_whole || table.is_venue_news(at, open.since))
                && !self.chunks.push_venue_within(venue, room)
            {
                return false;
            }
            open.venue_at = at + 1;
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;
    use serde_json::Value;

    use super::*;
    use crate::market::arbitrary::event as any_event;
    use crate::market::{Event, Symbol, Ts};
    use crate::store::Writer;
    use crate::wire::FRAME_BYTES_MIN;

    /// What a subscriber makes of its stream, by the rules of the protocol and nothing else.
    #[derive(Clone, Debug, Default)]
    struct Seen {
        rows: BTreeMap<u64, BTreeMap<String, Value>>,
        venues: BTreeMap<String, Value>,
        own: u64,
        last_data: u64,
        id: Option<Position>,
        /// A snapshot, or a delta by its seqs, of which parts are still to come.
        is_mid_snapshot: bool,
        open: Option<(u64, u64)>,
        has_begun: bool,
    }

    /// Of the entry, not of the instrument.
    const OF_ENTRY: [&str; 5] = ["id", "updates", "event_age_us", "last_age_us", "cleared"];

    impl Seen {
        fn take(&mut self, message: &Message<'_>) {
            assert!(message.json.len() <= FRAME_BYTES_MIN, "{} bytes", message.json.len());
            let json: Value = serde_json::from_slice(message.json).expect("JSON");
            let body = &json[message.name];
            let number = |name: &str| body[name].as_u64();
            let (seq, more) = (number("seq").unwrap_or(0), body["more"] == true);
            match message.name {
                "snapshot" => {
                    assert!(self.open.is_none(), "between the parts of a delta");
                    if body["resumed"] != true && !self.is_mid_snapshot {
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
            assert_eq!(message.id.is_some() && more, false, "the id is on the last part");
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

    fn begin(state: &State, position: Option<Position>) -> Follow {
        let asked = Asked::parse("a:*,b:1-N,b:7-NNNNNNN,b:X").expect("a list");
        Follow::begin(asked, position, state, (1_000, FRAME_BYTES_MIN)).expect("within bounds")
    }

    fn read_on(follow: &mut Follow, state: &State, seen: &mut Seen) {
        while let Some(message) = follow.next(state, 0) {
            seen.take(&message);
        }
    }

    proptest! {
        #[test]
        fn whoever_reads_on_over_cuts_and_epochs_has_what_a_new_snapshot_has(
            steps in prop::collection::vec(step(), 1..40),
        ) {
            let epoch = |number: u64| Epoch::new(number).expect("an epoch");
            let (mut writer, mut state) = (Writer::new(100), State::new(epoch(7), Ts(0)));
            let (mut follow, mut seen) = (begin(&state, None), Seen::default());
            for step in steps {
                match step {
                    Step::Beat(events) => {
                        state.ts.0 += 10_000_000;
                        events.iter().for_each(|e| writer.apply(e, state.ts));
                        if let Some(mut beat) = writer.seal(state.ts) {
                            beat.seq = state.table.seq().next();
                            state.table.apply(&beat);
                        }
                    }
                    Step::Read => {
                        if let Some(message) = follow.next(&state, 0) {
                            seen.take(&message);
                        }
                    }
                    Step::Heartbeat if follow.is_mid_message() => {}
                    Step::Heartbeat => {
                        // Whoever waits for one has been sent all before it but what its pace withholds.
                        seen.take(&follow.heartbeat(&state));
                    }
                    Step::Cut => {
                        follow = begin(&state, seen.id);
                        (seen.open, seen.is_mid_snapshot) = (None, false);
                        seen.own = seen.id.map_or(0, |id| id.seq.0);
                        // Its values may be ahead of its seq; whole counts make that right.
                    }
                    Step::Epoch => {
                        state.epoch = epoch(state.epoch.get() + 1);
                        state.table = Table::after(state.table.seq());
                        writer = Writer::new(100);
                    }
                }
            }
            read_on(&mut follow, &state, &mut seen);
            let (mut fresh, mut want) = (begin(&state, None), Seen::default());
            read_on(&mut fresh, &state, &mut want);
            prop_assert_eq!(seen.rows, want.rows);
            prop_assert_eq!(seen.venues, want.venues);
            let position = Position { epoch: state.epoch.get(), seq: state.table.seq() };
            prop_assert_eq!(want.id, Some(position));
        }
    }

    #[test]
    fn beats_that_found_no_room_are_told_and_nothing_is_told_twice() {
        let (mut writer, mut state) = (Writer::new(100), State::new(Epoch::new(7).expect("an epoch"), Ts(0)));
        let mut follow = begin(&state, None);
        let first = follow.next(&state, 0).expect("a snapshot");
        assert_eq!((first.name, first.id), ("snapshot", Some((state.epoch, Seq::ZERO))));
        assert_eq!(follow.next(&state, 0), None);
        let event = Event::Listed {
            symbol: Symbol::parse("a:1").expect("a symbol"),
            price_decimals: None,
            size_decimals: None,
            volume_decimals: None,
        };
        writer.apply(&event, Ts(1));
        state.table.apply(&writer.seal(Ts(1)).expect("a beat"));
        let delta = follow.next(&state, 3).expect("news");
        let json: Value = serde_json::from_slice(delta.json).expect("JSON");
        assert_eq!(
            (&json["delta"]["skipped"], delta.id),
            (&3.into(), Some((state.epoch, Seq(1))))
        );
        assert_eq!(follow.next(&state, 0), None);
    }

    #[test]
    fn more_wrong_symbols_than_a_message_can_name_are_refused() {
        let list: Vec<String> = (0..2_000).map(|n| n.to_string()).collect();
        let asked = Asked::parse(&list.join(",")).expect("a list");
        let state = State::new(Epoch::new(7).expect("an epoch"), Ts(0));
        let refused = Follow::begin(asked, None, &state, (1_000, 65_536)).map(|_| ());
        assert!(format!("{refused:?}").contains("ask for fewer"), "{refused:?}");
    }
}
