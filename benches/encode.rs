//! The wire: what a chunk and a frame cost in each encoding, beside prost for the same message.
//!
//! A regression of the chunk ratio means that our own encoder has lost its reason to exist. Bytes above
//! their bound mean that every subscriber's line gets fuller.

mod measure;

use measure::{finish, per_unit, show, within};
use prost::Message as _;
use tickwire::feed::synthetic::{EvenModel, Model};
use tickwire::market::{Event, Symbol, Ts, Update};
use tickwire::store::{SealedBeat, Seq, Table, Writer};
use tickwire::wire::{Chunks, DecodeLimits, Deflater, DeltaHead, Encoding, FrameBuf, decode_server, proto};

const SEED: u64 = 7;
const INSTRUMENTS: usize = 1_000;
const TS: Ts = Ts(1_700_000_000_000_000_000);

/// A store at rest but for one beat of 1,000 updates, as at 100,000 a second.
fn prepare() -> (Writer, Table, SealedBeat) {
    let names = |n: usize| Symbol::parse(&format!("bench:S{n:04}")).expect("a symbol");
    let symbols: Vec<Symbol> = (0..INSTRUMENTS).map(names).collect();
    let (mut writer, mut table, mut model) = (
        Writer::new(INSTRUMENTS),
        Table::new(),
        EvenModel::new(INSTRUMENTS, SEED),
    );
    let mut beat = |count: usize, writer: &mut Writer| {
        for n in 0..count {
            let (at, fields) = model.next_update();
            let ts_event = Some(Ts(TS.0 - n as i64 * 9_000));
            let update = Update {
                symbol: symbols[at].clone(),
                fields,
                ts_event,
                ts_recv: TS,
            };
            writer.apply(&Event::Update(update), TS);
        }
        writer.seal(TS).expect("a beat")
    };
    for _ in 0..50 {
        table.apply(&beat(INSTRUMENTS, &mut writer));
    }
    let last = beat(INSTRUMENTS, &mut writer);
    table.apply(&last);
    (writer, table, last)
}

fn main() {
    let (writer, table, beat) = prepare();
    let head = DeltaHead {
        seq: beat.seq,
        prev_seq: Seq(beat.seq.0 - 1),
        ts: TS,
        skipped: 0,
    };
    let mut frame = FrameBuf::new();
    let mut ok = true;
    println!(
        "CPU time of one thread, medians; {} changed instruments",
        beat.changes.len()
    );
    for encoding in Encoding::ALL {
        let mut chunks = Chunks::new(encoding);
        let chunk = per_unit(101, || {
            chunks.clear();
            beat.changes
                .iter()
                .for_each(|change| chunks.push(&writer.entry(change), TS));
            chunks.len() as u64
        });
        let picks: Vec<u32> = (0..chunks.len() as u32).step_by(chunks.len() / 13).take(13).collect();
        let assemble = per_unit(101, || {
            (0..1_000).for_each(|_| frame.delta(&head, &chunks, &picks, false));
            1_000
        });
        let bytes = (frame.as_bytes().len() + 4) as f64 / picks.len() as f64;
        show(&format!("{encoding}: encode one entry"), chunk, "ns");
        show(&format!("{encoding}: assemble a frame of 13 entries"), assemble, "ns");
        let bound = [18.0, 21.0, 75.0][encoding as usize];
        ok &= within(
            &format!("{encoding}: bytes per entry, headers included"),
            bytes,
            bound,
            "B",
        );
        if encoding == Encoding::Protobuf {
            let limits = DecodeLimits::default();
            let message = decode_server(encoding, false, frame.as_bytes(), &limits).expect("our own bytes");
            let Some(proto::server_message::Body::Delta(delta)) = message.body else {
                unreachable!("a delta")
            };
            let mut out = Vec::new();
            let prost = per_unit(101, || {
                (0..100).for_each(|_| {
                    out.clear();
                    delta
                        .tickers
                        .iter()
                        .for_each(|t| t.encode_length_delimited(&mut out).expect("room"));
                });
                100 * delta.tickers.len() as u64
            });
            ok &= within(
                "protobuf: an entry, beside prost on a ready message",
                chunk / prost,
                3.0,
                "x",
            );
        }
        let (mut deflater, mut out) = (Deflater::new(), Vec::new());
        let all: Vec<u32> = (0..100).collect();
        frame.delta(&head, &chunks, &all, false);
        let deflate = per_unit(21, || {
            out.clear();
            deflater.compress(encoding, frame.as_bytes(), &mut out);
            1
        });
        show(&format!("{encoding}: deflate a frame of 100 entries"), deflate, "ns");
        show(
            &format!("{encoding}: its ratio"),
            frame.as_bytes().len() as f64 / out.len().max(1) as f64,
            "x",
        );
    }
    let snapshot = per_unit(21, || {
        let mut chunks = Chunks::new(Encoding::Protobuf);
        let ids = table
            .changed_since(Seq::ZERO)
            .filter_map(|id| table.changes_since(id, Seq::ZERO));
        ids.for_each(|entry| chunks.push(&entry, TS));
        chunks.len() as u64
    });
    show("protobuf: one instrument of a whole snapshot", snapshot, "ns");
    finish(ok);
}
