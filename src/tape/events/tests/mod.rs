//! What is taped can be read, exactly, from anywhere, whatever happened to the file.

mod any_bytes;
mod damage;
mod disk;
mod gaps;
mod referee;
mod rotation;
mod round_trip;
mod seek;

use std::path::Path;

use proptest::prelude::*;

use super::block::{HEAD_BYTES, Head, Kind};
use super::writer::Limits;
use super::*;
use crate::market::{
    Decimal, Field, Fields, Side, StaleCause, Symbol, TickerState, Update, Value, VenueState, arbitrary,
};
use crate::store::{INSTRUMENTS_MAX, Image, Writer};
use crate::tape::Rotation;
use crate::tape::sink::on_disk;
use crate::tape::tests::{Folder, SmallDisk};

/// Small ones, so that a small tape has many blocks and keyframes.
const SMALL: Limits = Limits {
    block_records: 7,
    keyframe_records_min: 25,
    keyframe_records_max: 25,
};

fn symbol(name: &str) -> Symbol {
    Symbol::parse(name).expect("a symbol")
}

fn symbols() -> Vec<Symbol> {
    ["v0:A", "v0:B/C", "v1:A", "$own:é"].map(symbol).to_vec()
}

/// Any event with any time; an update's is its own.
fn any_event() -> impl Strategy<Value = (Ts, Event)> {
    let event = arbitrary::event(symbols(), -1_000..1_000_000_000_000);
    let ts = prop_oneof![9 => 0..2_000_000_000i64, 1 => any::<i64>()];
    (event, ts).prop_map(|(event, ts)| at(ts, event))
}

/// The event as it is taken at a time.
fn at(ts: i64, mut event: Event) -> (Ts, Event) {
    if let Event::Update(update) = &mut event {
        update.ts_recv = Ts(ts);
    }
    (Ts(ts), event)
}

/// An update of one price.
fn price(symbol: &Symbol, ts: i64, price: i64) -> Event {
    let mut fields = Fields::new();
    fields.set(Field::BidPrice, Decimal::from_int(price));
    Event::Update(Update {
        symbol: symbol.clone(),
        fields,
        ts_event: None,
        ts_recv: Ts(ts),
    })
}

fn state(symbol: &Symbol, state: TickerState, cause: Option<StaleCause>) -> Event {
    Event::State {
        symbol: symbol.clone(),
        state,
        cause,
    }
}

fn record(ts: Ts, event: Event) -> Taped {
    Taped {
        ts,
        what: What::Event(event),
    }
}

fn small(path: &Path, rotation: Rotation) -> TapeWriter {
    TapeWriter::with(path, rotation, on_disk(), SMALL).expect("a new file")
}

/// A finished tape of these events, of small blocks.
fn write(path: &Path, events: &[(Ts, Event)]) -> TapeWritten {
    let mut writer = small(path, Rotation::default());
    for (ts, event) in events {
        writer.write(*ts, event).expect("written");
    }
    writer.finish().expect("finished")
}

fn taped(events: &[(Ts, Event)]) -> Vec<Taped> {
    events.iter().map(|(ts, event)| record(*ts, event.clone())).collect()
}

fn open(path: &Path) -> TapeReader {
    TapeReader::open(path, OnDamage::Stop).expect("a tape")
}

/// The records up to the end or the error.
fn read(reader: &mut TapeReader) -> (Vec<Taped>, Option<TapeError>) {
    let mut out = Vec::new();
    loop {
        match reader.read(&mut out) {
            Ok(true) => {}
            Ok(false) => return (out, None),
            Err(error) => return (out, Some(error)),
        }
    }
}

fn read_whole(path: &Path) -> Vec<Taped> {
    let (records, error) = read(&mut open(path));
    assert!(error.is_none(), "{error:?}");
    records
}

/// What records make of the image before them, of which `newest` was the newest time: what steps back counts as the newest
/// before it.
fn play(image: &Image, mut newest: Option<Ts>, records: &[Taped]) -> Image {
    let mut store = Writer::new(INSTRUMENTS_MAX);
    store.restore(image);
    for taped in records {
        newest = newest.max(Some(taped.ts));
        if let What::Event(event) = &taped.what {
            store.apply(event, newest.unwrap_or(taped.ts));
        }
    }
    store.image()
}

/// The blocks of a tape's bytes: where each begins, and its head.
fn blocks(bytes: &[u8]) -> Vec<(usize, Head)> {
    let (mut at, mut blocks) = (FILE_HEAD_BYTES, Vec::new());
    while let Some(head) = bytes[at..].first_chunk::<HEAD_BYTES>() {
        let Ok(head) = Head::parse(head) else { break };
        blocks.push((at, head));
        at += head.block_bytes() as usize;
    }
    blocks
}
