//! One instrument's bytes in one encoding, made once and copied into every frame that holds it.
//!
//! Protobuf repeated fields and MessagePack and JSON arrays are their elements side by side, so a frame
//! is a head and such chunks (see [`super::FrameBuf`]).

use crate::market::{Field, FieldSet, InstrumentId, Scale, Side, Ts};
use crate::store::{Counts, Entry, Listing, VenueRow};

use super::Encoding;
use super::decimals::push_decimal;
use super::primitive::*;

/// One instrument or venue of a [`Chunks`], as spans of its bytes.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Unit {
    pub(super) id: u32,
    pub(super) is_removed: bool,
    at: u32,
    instrument_bytes: u16,
    ticker_bytes: u16,
    venue_bytes: u16,
}

impl Unit {
    /// Most bytes that it adds to a frame: its own, and tags, commas and an id where removed.
    pub(super) fn cost(&self) -> usize {
        usize::from(self.instrument_bytes) + usize::from(self.ticker_bytes) + usize::from(self.venue_bytes) + 12
    }
}

/// Encoded entries, addressed by position. Reused from beat to beat without allocating.
#[derive(Clone, Debug)]
pub struct Chunks {
    encoding: Encoding,
    bytes: Vec<u8>,
    units: Vec<Unit>,
    cost: usize,
    is_plain: bool,
}

impl Chunks {
    /// Makes an empty list for one encoding.
    pub fn new(encoding: Encoding) -> Chunks {
        Chunks {
            encoding,
            bytes: Vec::new(),
            units: Vec::new(),
            cost: 0,
            is_plain: true,
        }
    }

    /// The encoding of all entries.
    pub fn encoding(&self) -> Encoding {
        self.encoding
    }

    /// Entries held.
    pub fn len(&self) -> usize {
        self.units.len()
    }

    /// Whether nothing is held.
    pub fn is_empty(&self) -> bool {
        self.units.is_empty()
    }

    /// Forgets all entries, keeps the memory.
    pub fn clear(&mut self) {
        self.bytes.clear();
        self.units.clear();
        self.cost = 0;
        self.is_plain = true;
    }

    /// Most bytes that all entries together add to a frame.
    pub fn cost(&self) -> usize {
        self.cost
    }

    /// Whether every entry is values of an instrument and nothing else, as in nearly every beat.
    pub fn is_plain(&self) -> bool {
        self.is_plain
    }

    /// Appends an entry if all entries then still fit into `room`, or if it is the first.
    pub fn push_within(&mut self, entry: &Entry<'_>, ts: Ts, room: usize) -> bool {
        self.push(entry, ts);
        self.keep_within(room)
    }

    /// Appends a venue if all entries then still fit into `room`, or if it is the first.
    pub fn push_venue_within(&mut self, venue: &VenueRow, tells_reason: bool, room: usize) -> bool {
        self.push_venue(venue, tells_reason);
        self.keep_within(room)
    }

    /// Appends an instrument's entry, for a message of time `ts`.
    pub fn push(&mut self, entry: &Entry<'_>, ts: Ts) {
        let at = self.bytes.len();
        let mut unit = Unit {
            id: entry.id.0,
            is_removed: entry.is_removed,
            at: at as u32,
            ..Unit::default()
        };
        if !entry.is_removed {
            if entry.is_announced {
                self.put_element(|item| visit_instrument(entry.id.0, entry.listing, item));
                unit.instrument_bytes = (self.bytes.len() - at) as u16;
            }
            let ticker_at = self.bytes.len();
            self.put_element(|item| visit_ticker(entry, ts, item));
            unit.ticker_bytes = (self.bytes.len() - ticker_at) as u16;
        }
        self.is_plain &= !entry.is_removed && !entry.is_announced;
        self.cost += unit.cost();
        self.units.push(unit);
    }

    /// Appends a venue's state, and its reason, which may name symbols, where that may be told.
    pub fn push_venue(&mut self, venue: &VenueRow, tells_reason: bool) {
        let at = self.bytes.len();
        self.put_element(|item| visit_venue(venue, tells_reason, item));
        let venue_bytes = (self.bytes.len() - at) as u16;
        let unit = Unit {
            at: at as u32,
            venue_bytes,
            ..Unit::default()
        };
        self.is_plain = false;
        self.cost += unit.cost();
        self.units.push(unit);
    }

    /// Appends a venue's state twice: for whoever may be told its reason, and for the others.
    pub fn push_venue_twice(&mut self, venue: &VenueRow) {
        self.push_venue(venue, true);
        self.push_venue(venue, false);
    }

    /// Appends an entry that stands for nothing, where positions must stay those of another list.
    pub fn push_nothing(&mut self) {
        self.is_plain = false;
        self.units.push(Unit {
            at: self.bytes.len() as u32,
            ..Unit::default()
        });
    }

    /// Whether the entry at this position stands for nothing.
    pub fn is_nothing(&self, at: u32) -> bool {
        self.units
            .get(at as usize)
            .is_none_or(|u| !u.is_removed && u.instrument_bytes + u.ticker_bytes + u.venue_bytes == 0)
    }

    /// The instrument of the entry at this position; `None` for a venue.
    pub fn instrument_at(&self, at: u32) -> Option<InstrumentId> {
        self.units
            .get(at as usize)
            .filter(|u| u.id > 0)
            .map(|u| InstrumentId(u.id))
    }

    fn keep_within(&mut self, room: usize) -> bool {
        if self.cost <= room || self.units.len() == 1 {
            return true;
        }
        if let Some(unit) = self.units.pop() {
            self.cost -= unit.cost();
            self.bytes.truncate(unit.at as usize);
        }
        false
    }

    pub(super) fn unit(&self, at: usize) -> &Unit {
        &self.units[at]
    }

    pub(super) fn instrument(&self, unit: &Unit) -> &[u8] {
        let at = unit.at as usize;
        &self.bytes[at..at + usize::from(unit.instrument_bytes)]
    }

    pub(super) fn ticker(&self, unit: &Unit) -> &[u8] {
        let at = unit.at as usize + usize::from(unit.instrument_bytes);
        &self.bytes[at..at + usize::from(unit.ticker_bytes)]
    }

    pub(super) fn venue(&self, unit: &Unit) -> &[u8] {
        let at = unit.at as usize;
        &self.bytes[at..at + usize::from(unit.venue_bytes)]
    }

    /// Writes one element of a list: length-prefixed in protobuf, a map in the others.
    fn put_element(&mut self, visit: impl FnOnce(&mut dyn FnMut(u32, &'static str, Item<'_>))) {
        let out = &mut self.bytes;
        match self.encoding {
            Encoding::Protobuf => {
                let at = out.len();
                out.push(0);
                visit(&mut |number, _, item| put_protobuf(out, number, item));
                let len = (out.len() - at - 1) as u64;
                out[at] = len as u8 & 0x7f;
                if len >= 0x80 {
                    out[at] |= 0x80;
                    // Rare: announcements with long names and whole rows.
                    let mut rest = Vec::with_capacity(2);
                    put_varint(&mut rest, len >> 7);
                    out.splice(at + 1..at + 1, rest);
                }
            }
            Encoding::Msgpack => {
                let (at, mut count) = (out.len(), 0u8);
                out.push(0);
                visit(&mut |number, _, item| {
                    count += 1;
                    put_uint(out, u64::from(number));
                    put_msgpack(out, item);
                });
                out[at] = 0x80 | count;
                if count > 15 {
                    out[at] = 0xde;
                    out.splice(at + 1..at + 1, [0, count]);
                }
            }
            Encoding::Json => {
                let mut before = b'{';
                visit(&mut |_, name, item| {
                    out.push(before);
                    before = b',';
                    put_json(out, name, item);
                });
                out.push(b'}');
            }
        }
    }
}

/// A field's value, with what each encoding needs to know of it.
enum Item<'a> {
    Uint(u64),
    Sint(i64),
    /// A signed decimal and its decimals.
    Price(i64, u8),
    /// An unsigned decimal and its decimals.
    Size(i64, u8),
    /// An enum's number and word.
    Word(u8, &'static str),
    Fields(FieldSet),
    Text(&'a str),
    Stamp(Ts),
}

fn visit_instrument(id: u32, listing: &Listing, item: &mut dyn FnMut(u32, &'static str, Item<'_>)) {
    item(1, "id", Item::Uint(u64::from(id)));
    item(2, "symbol", Item::Text(listing.symbol.as_str()));
    let decimals = listing.decimals;
    let all = [
        (3, "price_decimals", decimals.price),
        (4, "size_decimals", decimals.size),
    ];
    for (number, name, value) in all.into_iter().chain([(5, "volume_decimals", decimals.volume)]) {
        if value > 0 {
            item(number, name, Item::Uint(u64::from(value)));
        }
    }
}

fn visit_ticker(entry: &Entry<'_>, ts: Ts, item: &mut dyn FnMut(u32, &'static str, Item<'_>)) {
    item(1, "id", Item::Uint(u64::from(entry.id.0)));
    let mut fields = entry.set.iter().peekable();
    while let Some(field) = fields.next_if(|f| f.number() < 12) {
        item(field.number(), field.name(), field_item(entry, field));
    }
    if let Some(event) = entry.ts_event {
        item(12, "event_age_us", Item::Sint(ts.micros_since(event)));
    }
    if !entry.cleared.is_empty() {
        item(13, "cleared", Item::Fields(entry.cleared));
    }
    match entry.counts {
        Counts::Beat(1) => {}
        Counts::Beat(count) => item(14, "updates", Item::Uint(u64::from(count))),
        Counts::Total(count) => item(15, "update_count", Item::Uint(count)),
    }
    if let Some((state, _)) = entry.state {
        item(16, "state", Item::Word(state as u8, state.word()));
    }
    let has_last = entry.set.contains(Field::LastPrice) || entry.set.contains(Field::LastSize);
    if let Some(trade) = entry.ts_trade.filter(|_| has_last) {
        item(17, "last_age_us", Item::Sint(ts.micros_since(trade)));
    }
    for field in fields {
        item(field.number(), field.name(), field_item(entry, field));
    }
    if let Some((_, Some(cause))) = entry.state {
        item(20, "cause", Item::Word(cause as u8, cause.word()));
    }
}

fn visit_venue(venue: &VenueRow, tells_reason: bool, item: &mut dyn FnMut(u32, &'static str, Item<'_>)) {
    item(1, "name", Item::Text(venue.name.as_str()));
    item(2, "state", Item::Word(venue.state as u8, venue.state.word()));
    if venue.since.as_wire() > 0 {
        item(3, "since", Item::Stamp(venue.since));
    }
    if tells_reason && !venue.reason.is_empty() {
        item(4, "reason", Item::Text(&venue.reason));
    }
}

fn field_item<'a>(entry: &Entry<'_>, field: Field) -> Item<'a> {
    let value = entry.values[field.index()];
    let decimals = entry.listing.decimals.of(field.scale());
    match field.scale() {
        Scale::Price => Item::Price(value, decimals),
        Scale::Size | Scale::Volume => Item::Size(value, decimals),
        Scale::Whole if field == Field::LastSide => Item::Word(value as u8, side_word(value)),
        Scale::Whole => Item::Uint(value as u64),
    }
}

fn put_protobuf(out: &mut Vec<u8>, number: u32, item: Item<'_>) {
    let value = match item {
        Item::Uint(value) => value,
        Item::Size(value, _) => value as u64,
        Item::Sint(value) | Item::Price(value, _) => zigzag(value),
        Item::Word(value, _) => u64::from(value),
        Item::Fields(set) => set.to_number_bits(),
        Item::Text(text) => {
            put_tag(out, number, LEN);
            put_varint(out, text.len() as u64);
            return out.extend_from_slice(text.as_bytes());
        }
        Item::Stamp(ts) => {
            put_tag(out, number, FIXED64);
            return out.extend_from_slice(&ts.as_wire().to_le_bytes());
        }
    };
    put_tag(out, number, VARINT);
    put_varint(out, value);
}

fn put_msgpack(out: &mut Vec<u8>, item: Item<'_>) {
    match item {
        Item::Uint(value) => put_uint(out, value),
        Item::Sint(value) | Item::Price(value, _) | Item::Size(value, _) => put_int(out, value),
        Item::Word(value, _) => put_uint(out, u64::from(value)),
        Item::Fields(set) => put_uint(out, set.to_number_bits()),
        Item::Text(text) => put_str(out, text),
        Item::Stamp(ts) => put_uint(out, ts.as_wire()),
    }
}

fn put_json(out: &mut Vec<u8>, name: &str, item: Item<'_>) {
    out.push(b'"');
    out.extend_from_slice(name.as_bytes());
    out.extend_from_slice(b"\":");
    let quoted = |out: &mut Vec<u8>, put: &dyn Fn(&mut Vec<u8>)| {
        out.push(b'"');
        put(out);
        out.push(b'"');
    };
    match item {
        Item::Uint(value) => put_digits(out, value),
        Item::Sint(value) => put_digits(out, value),
        Item::Price(value, decimals) | Item::Size(value, decimals) => {
            quoted(out, &|o| push_decimal(o, value, decimals))
        }
        Item::Word(_, word) => quoted(out, &|o| o.extend_from_slice(word.as_bytes())),
        Item::Text(text) => put_json_text(out, text),
        Item::Stamp(ts) => quoted(out, &|o| put_digits(o, ts.as_wire())),
        Item::Fields(set) => {
            let mut before = b'[';
            for field in set.iter() {
                out.push(before);
                before = b',';
                quoted(out, &|o| o.extend_from_slice(field.name().as_bytes()));
            }
            out.push(b']');
        }
    }
}

fn side_word(value: i64) -> &'static str {
    if value == Side::Buy as i64 {
        Side::Buy.word()
    } else {
        Side::Sell.word()
    }
}
