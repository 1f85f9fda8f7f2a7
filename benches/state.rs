//! A checkpoint of 100,000 instruments: what it costs the engine, the keeper's two threads, the disk, and the next start.
//!
//! A regression means that a keeper is behind the beat for longer than its queue holds, that a crash loses more than the
//! five seconds between two checkpoints, or that a restart is felt. The engine's own image stands beside them: it is why
//! the engine does not take it.
//!
//! Bounds of time are about twice what was measured on a core of an AMD EPYC, so that a slower one passes and a row twice as
//! long, or a second copy, does not; bytes are the same everywhere. The disk's own time is shown and has none: it is the disk's.

mod measure;

use std::hint::black_box;
use std::sync::Arc;
use std::time::Instant;

use measure::{finish, per_unit, show, within};
use tickwire::engine::{Beater, Tick, tick_channel};
use tickwire::feed::synthetic::{EvenModel, Model};
use tickwire::market::{Event, Symbol, Ts, Update};
use tickwire::state::{Checkpoint, Folder, KEEPER_TICKS_MAX, Timeline};
use tickwire::store::{Epoch, Table, Writer};

const INSTRUMENTS: usize = 100_000;
const SEED: u64 = 7;
const RUNS: usize = 11;

fn store() -> (Writer, Table) {
    let (mut writer, mut table) = (Writer::new(INSTRUMENTS), Table::new());
    let mut model = EvenModel::new(INSTRUMENTS, SEED);
    for _ in 0..3 * INSTRUMENTS {
        let (at, fields) = model.next_update();
        let symbol = Symbol::parse(&format!("bench:S{at:06}")).expect("a symbol");
        let update = Update {
            symbol,
            fields,
            ts_event: Some(Ts(1_700_000_000_000_000_000)),
            ts_recv: Ts(1),
        };
        writer.apply(&Event::Update(update), Ts(1));
    }
    table.apply(&writer.seal(Ts(1)).expect("a beat"));
    (writer, table)
}

/// Milliseconds of CPU for one run of `work`.
fn ms(mut work: impl FnMut()) -> f64 {
    let run = || {
        work();
        1
    };
    per_unit(RUNS, run) / 1e6
}

fn main() {
    let (writer, table) = store();
    assert_eq!(writer.len(), INSTRUMENTS);
    let epoch = Epoch::new(7).expect("an epoch");
    let mut all_within = true;

    let tick: Arc<Tick> = Arc::new(Beater::new(Writer::new(1), Arc::default(), epoch).seal(1, 1, Ts(1)));
    let (sender, mut receiver) = tick_channel(KEEPER_TICKS_MAX);
    let hand_over = per_unit(RUNS, || {
        for _ in 0..1_000 {
            sender.try_send(tick.clone()).expect("room");
            black_box(receiver.try_recv().expect("it is there"));
        }
        1_000
    });
    all_within &= within("engine: a tick more to hand over", hand_over, 60.0, "ns");
    show(
        "engine, if it took the image itself",
        ms(|| drop(black_box(writer.image()))),
        "ms",
    );

    let copy = ms(|| drop(black_box(table.versioned())));
    all_within &= within("keeper: copies its table", copy, 25.0, "ms");
    let checkpoint = |is_final| Checkpoint {
        epoch,
        is_final,
        taken: Ts(1),
        state: table.versioned(),
    };
    let taken = checkpoint(true);
    let encode = ms(|| drop(black_box(taken.encode())));
    all_within &= within("writing thread: encodes it", encode, 60.0, "ms");
    let bytes = taken.encode();
    all_within &= within(
        "bytes an instrument",
        bytes.len() as f64 / INSTRUMENTS as f64,
        100.0,
        "B",
    );

    let decode = ms(|| drop(black_box(Checkpoint::decode(&bytes))));
    all_within &= within("next start: reads it", decode, 100.0, "ms");
    let revive = || Timeline::revive(&taken, epoch, INSTRUMENTS, Ts(2));
    let halves = ms(|| drop(black_box(revive())));
    all_within &= within("next start: both halves of the store", halves, 300.0, "ms");

    let dir = std::env::temp_dir().join(format!("tickwire-bench-state-{}", std::process::id()));
    let (folder, _) = Folder::open(&dir).expect("a folder");
    let begun = Instant::now();
    let begin = folder.begin(Some(&taken), epoch, INSTRUMENTS, Ts(2)).expect("room");
    show(
        "next start: the same and its first checkpoint on the disk",
        begun.elapsed().as_secs_f64() * 1e3,
        "ms",
    );
    assert_eq!(begin.table.len(), INSTRUMENTS);
    let _ = std::fs::remove_dir_all(&dir);
    finish(all_within);
}
