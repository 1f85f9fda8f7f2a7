//! Law 1: whoever has caught up has the store's values, however it got there.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;
use crate::market::*;

/// What a subscriber ends up with, in exact texts.
#[derive(Clone, Debug, Default, PartialEq)]
struct Seen {
    decimals: Decimals,
    values: BTreeMap<Field, Decimal>,
    state: Option<(TickerState, Option<StaleCause>)>,
    updates: u64,
}

/// The plain definition: a map of values, rewritten at each event, copied at each beat.
#[derive(Default)]
struct Naive {
    now: BTreeMap<String, Seen>,
    gone: BTreeMap<String, Seen>,
}

impl Naive {
    fn apply(&mut self, event: &Event) {
        match event {
            Event::Update(u) => {
                let row = self.row(&u.symbol);
                let mut changed = false;
                for (field, value) in u.fields.iter() {
                    changed |= row.put(field, value, u.fields.is_trade());
                }
                row.updates += u64::from(changed);
            }
            Event::Listed {
                symbol,
                price_decimals,
                size_decimals,
                volume_decimals,
            } => {
                let row = self.row(symbol);
                for (scale, d) in [
                    (Scale::Price, price_decimals),
                    (Scale::Size, size_decimals),
                    (Scale::Volume, volume_decimals),
                ] {
                    row.grow(scale, d.unwrap_or(0));
                }
            }
            Event::Removed(symbol) => {
                if let Some(row) = self.now.remove(symbol.as_str()) {
                    self.gone.insert(symbol.to_string(), row);
                }
            }
            Event::State { symbol, state, cause } => {
                if let Some(row) = self.now.get_mut(symbol.as_str()) {
                    row.state = Some((*state, cause.filter(|_| *state == TickerState::Stale)));
                }
            }
            Event::Venue { .. } => {}
        }
    }

    fn row(&mut self, symbol: &Symbol) -> &mut Seen {
        let gone = self.gone.remove(symbol.as_str());
        self.now.entry(symbol.to_string()).or_insert_with(|| {
            let (decimals, updates) = gone.map_or_else(Default::default, |g| (g.decimals, g.updates));
            Seen {
                decimals,
                updates,
                state: Some((TickerState::Live, None)),
                ..Seen::default()
            }
        })
    }
}

impl Seen {
    fn grow(&mut self, scale: Scale, decimals: u8) -> bool {
        let fits = self
            .values
            .iter()
            .all(|(f, v)| f.scale() != scale || v.scaled(decimals).is_some());
        if decimals > self.decimals.of(scale) {
            if !fits || scale == Scale::Whole {
                return false;
            }
            self.decimals.set(scale, decimals);
        }
        true
    }

    fn put(&mut self, field: Field, value: Value, is_trade: bool) -> bool {
        let Value::Set(v) = value else {
            return self.values.remove(&field).is_some();
        };
        let negative = v.is_negative() && field.scale() != Scale::Price;
        let side = field == Field::LastSide && v != Decimal::from_int(1) && v != Decimal::from_int(2);
        if negative
            || side
            || !self.grow(field.scale(), v.decimals())
            || v.scaled(self.decimals.of(field.scale())).is_none()
        {
            return self.values.remove(&field).is_some();
        }
        let anyway = is_trade && matches!(field, Field::LastPrice | Field::LastSize);
        self.values.insert(field, v) != Some(v) || anyway
    }
}

/// A subscriber in its plainest form: applies entries, remembers its seq.
#[derive(Clone, Default)]
struct Subscriber {
    seq: Seq,
    rows: BTreeMap<u32, (String, Seen)>,
}

impl Subscriber {
    fn apply(&mut self, entry: &Entry<'_>, is_whole: bool) {
        let id = entry.id.0;
        if entry.is_removed {
            assert!(!is_whole || !self.rows.contains_key(&id));
            self.rows.remove(&id);
            return;
        }
        if entry.is_announced {
            let updates = self.rows.get(&id).map_or(0, |r| r.1.updates);
            let row = Seen {
                decimals: entry.listing.decimals,
                updates,
                ..Seen::default()
            };
            self.rows.insert(id, (entry.listing.symbol.to_string(), row));
        }
        let row = &mut self.rows.get_mut(&id).expect("announced before its first use").1;
        for field in entry.set.iter() {
            let decimals = row.decimals.of(field.scale());
            let value = Decimal::new(entry.values[field.index()], decimals).expect("18 decimals at most");
            row.values.insert(field, value);
        }
        entry.cleared.iter().for_each(|f| {
            row.values.remove(&f);
        });
        row.state = entry.state.or(row.state);
        row.updates = match entry.counts {
            Counts::Beat(n) => row.updates + u64::from(n),
            Counts::Total(n) => n,
        };
    }

    /// Catches up from the table, by both ways there are: what changed, and every id.
    fn catch_up(&mut self, table: &Table) {
        let changed: Vec<_> = table.changed_since(self.seq).collect();
        let by_id: Vec<_> = (0..table.len()).map(InstrumentId::from_index).collect();
        let mut sorted = changed.clone();
        sorted.sort_unstable();
        let all: Vec<_> = by_id
            .into_iter()
            .filter(|id| table.changes_since(*id, self.seq).is_some())
            .collect();
        assert!(all.iter().all(|id| sorted.contains(id)));
        let whole = self.seq == Seq::ZERO;
        for id in sorted {
            if let Some(entry) = table.changes_since(id, self.seq) {
                self.apply(&entry, whole);
            }
        }
        self.seq = table.seq();
    }

    fn view(&self) -> BTreeMap<String, Seen> {
        self.rows
            .values()
            .map(|(symbol, row)| (symbol.clone(), row.clone()))
            .collect()
    }
}

#[allow(clippy::large_enum_variant)]
#[derive(Clone, Debug)]
enum Op {
    Event(Event),
    Seal,
    Join,
    CatchUp(usize),
    Leave(usize),
}

fn symbol(n: u8) -> Symbol {
    Symbol::parse(&format!("v{}:S{n}", n % 2)).expect("a symbol")
}

fn op() -> impl Strategy<Value = Op> {
    prop_oneof![
        6 => arbitrary::event((0..5).map(symbol).collect(), 0..1_000).prop_map(Op::Event),
        4 => Just(Op::Seal),
        1 => Just(Op::Join),
        3 => any::<usize>().prop_map(Op::CatchUp),
        1 => any::<usize>().prop_map(Op::Leave),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(600))]
    #[test]
    fn whoever_has_caught_up_equals_the_store(ops in prop::collection::vec(op(), 1..120)) {
        let (mut naive, mut writer, mut table) = (Naive::default(), Writer::new(4), Table::new());
        let mut subscribers: Vec<Subscriber> = Vec::new();
        // One that was there from the start and lives on the beats' own entries alone.
        let mut lockstep = Subscriber::default();
        // The store takes four instruments: what the fifth says must change nothing.
        let mut listed: Vec<Symbol> = Vec::new();
        for op in ops.into_iter().chain([Op::Seal]) {
            match op {
                Op::Event(event) => {
                    writer.apply(&event, Ts(0));
                    let named = match &event {
                        Event::Update(u) => Some(&u.symbol),
                        Event::Listed { symbol, .. } => Some(symbol),
                        _ => None,
                    };
                    if let Some(s) = named.filter(|s| !listed.contains(s) && listed.len() < 4) {
                        listed.push(s.clone());
                    }
                    if named.is_none_or(|s| listed.contains(s)) {
                        naive.apply(&event);
                    }
                }
                Op::Seal => if let Some(beat) = writer.seal(Ts(0)) {
                    for change in &beat.changes {
                        // An id that came and went within one beat was never anybody's.
                        if lockstep.rows.contains_key(&change.id.0) || !change.is_removed {
                            lockstep.apply(&writer.entry(change), false);
                        }
                    }
                    lockstep.seq = beat.seq;
                    table.apply(&beat);
                    prop_assert_eq!(lockstep.view(), naive.now.clone());
                },
                Op::Join => subscribers.push(Subscriber::default()),
                Op::CatchUp(n) => if !subscribers.is_empty() {
                    let at = n % subscribers.len();
                    subscribers[at].catch_up(&table);
                },
                Op::Leave(n) => if !subscribers.is_empty() {
                    let at = n % subscribers.len();
                    subscribers.swap_remove(at);
                },
            }
        }
        subscribers.push(Subscriber::default());
        for subscriber in &mut subscribers {
            subscriber.catch_up(&table);
            prop_assert_eq!(subscriber.view(), naive.now.clone());
        }
    }
}

fn update(symbol: &str, fields: &[(Field, &str)]) -> Event {
    let mut said = Fields::new();
    fields.iter().for_each(|(f, v)| {
        said.set(*f, Decimal::parse(v).expect(v));
    });
    let symbol = Symbol::parse(symbol).expect(symbol);
    Event::Update(Update {
        symbol,
        fields: said,
        ts_event: Some(Ts(5)),
        ts_recv: Ts(6),
    })
}

fn apply_all(writer: &mut Writer, events: &[Event]) {
    events.iter().for_each(|e| writer.apply(e, Ts(1)));
}

#[test]
fn nothing_new_makes_no_beat() {
    let mut writer = Writer::new(10);
    assert_eq!(writer.seal(Ts(0)), None);
    let event = update("a:B", &[(Field::BidPrice, "1.5")]);
    apply_all(&mut writer, std::slice::from_ref(&event));
    assert_eq!(writer.seal(Ts(0)).map(|b| b.seq), Some(Seq(1)));
    apply_all(&mut writer, &[event]);
    assert_eq!(writer.seal(Ts(0)), None);
    assert_eq!(
        writer.counts(),
        StoreCounts {
            updates: 2,
            changed: 1,
            misfits: 0,
            refused: 0
        }
    );
}

#[test]
fn a_trade_counts_as_a_change_equal_or_not() {
    let mut writer = Writer::new(10);
    let mut fields = Fields::new();
    fields.trade(
        Value::Set(Decimal::from_int(5)),
        Value::Set(Decimal::from_int(1)),
        Some(Side::Sell),
    );
    let symbol = Symbol::parse("a:B").expect("a symbol");
    let trade = Event::Update(Update {
        symbol,
        fields,
        ts_event: None,
        ts_recv: Ts(0),
    });
    apply_all(&mut writer, std::slice::from_ref(&trade));
    writer.seal(Ts(0));
    apply_all(&mut writer, &[trade]);
    let beat = writer.seal(Ts(0)).expect("a beat");
    let changed: Vec<Field> = beat.changes[0].set.iter().collect();
    assert_eq!(changed, [Field::LastPrice, Field::LastSize]);
    assert_eq!(beat.changes[0].updates, 1);
}

#[test]
fn decimals_grow_with_every_value_and_never_shrink() {
    let mut writer = Writer::new(10);
    apply_all(
        &mut writer,
        &[update("a:B", &[(Field::BidPrice, "1.5"), (Field::BidSize, "3")])],
    );
    writer.seal(Ts(0));
    apply_all(&mut writer, &[update("a:B", &[(Field::AskPrice, "1.625")])]);
    let beat = writer.seal(Ts(0)).expect("a beat");
    let change = &beat.changes[0];
    assert_eq!(change.listing.as_ref().map(|l| l.decimals.price), Some(3));
    let values: Vec<_> = beat.values_of(change).collect();
    assert_eq!(
        values,
        [(Field::BidPrice, 1500), (Field::BidSize, 3), (Field::AskPrice, 1625)]
    );
    apply_all(&mut writer, &[update("a:B", &[(Field::AskPrice, "2")])]);
    let beat = writer.seal(Ts(0)).expect("a beat");
    assert_eq!((beat.changes[0].listing.clone(), beat.values), (None, vec![2000]));
}

#[test]
fn a_value_that_does_not_fit_clears_its_field_and_spares_the_others() {
    let mut writer = Writer::new(10);
    let big = "9223372036854775807";
    apply_all(
        &mut writer,
        &[update(
            "a:B",
            &[(Field::BidPrice, big), (Field::AskPrice, big), (Field::BidSize, "1")],
        )],
    );
    writer.seal(Ts(0));
    apply_all(
        &mut writer,
        &[update("a:B", &[(Field::AskPrice, "0.5"), (Field::BidSize, "-1")])],
    );
    let beat = writer.seal(Ts(0)).expect("a beat");
    let cleared: Vec<Field> = beat.changes[0].cleared.iter().collect();
    assert_eq!(cleared, [Field::BidSize, Field::AskPrice]);
    assert_eq!((beat.changes[0].listing.clone(), writer.counts().misfits), (None, 2));
}

#[test]
fn a_full_store_refuses_new_instruments_and_keeps_the_old_going() {
    let mut writer = Writer::new(1);
    apply_all(
        &mut writer,
        &[
            update("a:B", &[(Field::BidPrice, "1")]),
            update("a:C", &[(Field::BidPrice, "1")]),
        ],
    );
    assert_eq!(writer.seal(Ts(0)).map(|b| b.changes.len()), Some(1));
    apply_all(&mut writer, &[update("a:B", &[(Field::BidPrice, "2")])]);
    assert_eq!(writer.seal(Ts(0)).map(|b| b.changes.len()), Some(1));
    assert_eq!(writer.counts().refused, 1);
}

#[test]
fn venue_states_are_versioned_like_fields() {
    let (mut writer, mut table) = (Writer::new(1), Table::new());
    let venue = VenueName::parse("a").expect("a venue");
    let say = |state, reason: &str| Event::Venue {
        venue: venue.clone(),
        state,
        reason: reason.to_owned(),
    };
    writer.apply(&say(VenueState::Up, "connected"), Ts(7));
    table.apply(&writer.seal(Ts(0)).expect("a beat"));
    writer.apply(&say(VenueState::Up, "connected"), Ts(8));
    assert_eq!(writer.seal(Ts(0)), None);
    writer.apply(&say(VenueState::Up, "data flows"), Ts(9));
    table.apply(&writer.seal(Ts(0)).expect("a beat"));
    let seen: Vec<_> = table.venues().map(|v| (v.since, v.reason.as_str())).collect();
    assert_eq!(seen, [(Ts(7), "data flows")]);
    assert!(table.is_venue_news(0, Seq(1)) && !table.is_venue_news(0, Seq(2)));
}

#[test]
fn a_long_reason_is_cut_between_characters_and_is_the_same_when_said_again() {
    let mut writer = Writer::new(1);
    let event = Event::Venue {
        venue: VenueName::parse("a").expect("a venue"),
        state: VenueState::Down,
        reason: "€".repeat(100_000),
    };
    writer.apply(&event, Ts(7));
    let beat = writer.seal(Ts(0)).expect("a beat");
    assert_eq!(beat.venues[0].reason, "€".repeat(REASON_BYTES_MAX / 3));
    writer.apply(&event, Ts(8));
    assert_eq!(writer.seal(Ts(0)), None);
}

fn played(events: &[Event]) -> Writer {
    let mut writer = Writer::new(10);
    // Each at its own time, so that a venue's state that came back has another one.
    for (n, event) in events.iter().enumerate() {
        writer.apply(event, Ts(n as i64));
    }
    writer
}

proptest! {
    #[test]
    fn an_image_brings_any_earlier_moment_and_any_new_epoch_to_where_it_was_taken(
        events in prop::collection::vec(arbitrary::event((0..5).map(symbol).collect(), 0..1_000), 0..60), at in any::<prop::sample::Index>(),
    ) {
        let image = played(&events).image();
        let mut fresh = Writer::new(10);
        fresh.renew(&image);
        prop_assert_eq!(&fresh.image(), &image);

        let before = &events[..at.index(events.len() + 1)];
        let (mut seeking, mut table) = (played(before), Table::new());
        let beats = [seeking.seal(Ts(1)), { seeking.restore(&image); seeking.seal(Ts(2)) }];
        beats.iter().flatten().for_each(|beat| table.apply(beat));
        prop_assert_eq!(&seeking.image(), &image);
        // Nothing is left to say, and a reader has the same.
        seeking.restore(&image);
        prop_assert_eq!(seeking.seal(Ts(3)), None);
        for (at, instrument) in image.instruments.iter().enumerate() {
            let id = InstrumentId::from_index(at);
            prop_assert_eq!(table.is_live(id), !instrument.is_removed);
            if let Some(entry) = table.changes_since(id, Seq::ZERO) {
                prop_assert_eq!((entry.set, entry.counts), (instrument.present, Counts::Total(instrument.update_count)));
                prop_assert!(entry.set.iter().all(|f| entry.values[f.index()] == instrument.values[f.index()]));
            }
        }
    }
}

#[test]
fn what_an_image_brings_back_is_of_its_own_age() {
    let mut fields = Fields::new();
    fields.set(Field::LastPrice, Decimal::from_int(5));
    let update = Event::Update(Update {
        symbol: Symbol::parse("a:B").expect("a symbol"),
        fields,
        ts_event: Some(Ts(77)),
        ts_recv: Ts(80),
    });
    let mut writer = Writer::new(10);
    writer.apply(&update, Ts(80));
    let image = writer.image();
    let mut table = Table::new();
    table.apply(&writer.seal(Ts(90)).expect("a change"));
    let stamp = |table: &Table| {
        table
            .changes_since(InstrumentId(1), Seq::ZERO)
            .map(|entry| (entry.ts_event, entry.ts_trade))
    };
    let there = stamp(&table);
    writer.renew(&image);
    let mut renewed = Table::after(table.seq());
    renewed.apply(&writer.seal(Ts(100)).expect("a change"));
    assert_eq!(stamp(&renewed), there);
    // The same in an epoch that goes on.
    writer.apply(&Event::Removed(Symbol::parse("a:B").expect("a symbol")), Ts(110));
    renewed.apply(&writer.seal(Ts(110)).expect("a change"));
    writer.restore(&image);
    renewed.apply(&writer.seal(Ts(120)).expect("a change"));
    assert_eq!(stamp(&renewed), there);
}

#[test]
fn a_count_that_an_image_brings_does_not_run_over() {
    let mut writer = Writer::new(10);
    writer.apply(&update("a:B", &[(Field::BidPrice, "1")]), Ts(1));
    let mut image = writer.image();
    image.instruments[0].update_count = u64::MAX;
    writer.restore(&image);
    writer.apply(&update("a:B", &[(Field::BidPrice, "2")]), Ts(2));
    assert_eq!(writer.image().instruments[0].update_count, u64::MAX);
}

#[test]
fn the_servers_own_instruments_take_no_room_and_each_venues_updates_are_counted_over_epochs() {
    let mut writer = Writer::new(2);
    let events = ["a:X", "$own:A", "b:Y", "$own:B", "a:Z", "a:X"].map(|s| update(s, &[(Field::BidPrice, "1.5")]));
    apply_all(&mut writer, &events);
    assert_eq!(
        (writer.len(), writer.len_of_feeds(), writer.counts().refused),
        (4, 2, 1)
    );
    writer.renew(&Image::default());
    assert_eq!((writer.len(), writer.len_of_feeds()), (0, 0));
    apply_all(&mut writer, &events[..1]);
    let counts = |writer: &Writer| -> Vec<(String, u64, u64)> {
        let counts = writer.venue_counts().iter();
        counts.map(|v| (v.venue.to_string(), v.updates, v.changed)).collect()
    };
    let want = [("a", 3, 2), ("$own", 2, 2), ("b", 1, 1)];
    assert_eq!(
        counts(&writer),
        want.map(|(venue, updates, changed)| (venue.to_owned(), updates, changed))
    );
}

#[test]
fn an_update_that_changes_what_the_open_beat_has_changed_already_is_conflated() {
    let mut writer = Writer::new(10);
    let conflated = |writer: &Writer| writer.venue_counts()[0].conflated;
    let bid = |price| update("a:X", &[(Field::BidPrice, price)]);
    apply_all(&mut writer, &[bid("1"), update("a:Y", &[(Field::BidPrice, "1")])]);
    assert_eq!(conflated(&writer), 0);
    apply_all(&mut writer, &[bid("2"), bid("2"), bid("3")]);
    assert_eq!(conflated(&writer), 2, "what changes nothing is not conflated either");
    writer.seal(Ts(1)).expect("a beat");
    apply_all(&mut writer, &[bid("4")]);
    assert_eq!(conflated(&writer), 2, "a new beat begins anew");
}

#[test]
fn the_servers_own_instruments_have_a_bound_too() {
    let mut writer = Writer::new(1);
    for at in 0..OWN_INSTRUMENTS_MAX + 3 {
        apply_all(&mut writer, &[update(&format!("$own:{at}"), &[(Field::BidPrice, "1")])]);
    }
    assert_eq!((writer.len(), writer.counts().refused), (OWN_INSTRUMENTS_MAX, 3));
    apply_all(&mut writer, &[update("a:X", &[(Field::BidPrice, "1")])]);
    assert_eq!(writer.len_of_feeds(), 1);
}

#[test]
fn beyond_so_many_venues_the_others_are_counted_together() {
    let mut writer = Writer::new(10_000);
    for venue in 0..VENUES_MAX + 5 {
        apply_all(
            &mut writer,
            &[update(&format!("v{venue}:X"), &[(Field::BidPrice, "1")])],
        );
    }
    let counts = writer.venue_counts();
    assert_eq!(counts.len(), VENUES_MAX + 1);
    assert_eq!(counts.last().map(|v| (&*v.venue, v.updates)), Some(("*", 5)));
}
