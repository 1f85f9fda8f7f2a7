//! The store: what one update, one changed instrument and one reader's copy cost.
//!
//! A regression means that ingest takes more of a core: 300,000 updates a second at the bound of an update
//! are 3 % of one. The growth ratio above its bound means that a beat's cost follows the instruments that
//! exist and not those that changed.

mod measure;

use std::hint::black_box;

use measure::{finish, per_unit, show, within};
use tickwire::feed::synthetic::{EvenModel, Model};
use tickwire::market::{Event, Symbol, Ts, Update};
use tickwire::store::{SealedBeat, Seq, Table, Writer};

const SEED: u64 = 7;
const UPDATES_PER_BEAT: usize = 3_000; // 300,000 a second
const ACTIVE: usize = 1_000;

fn event(symbols: &[Symbol], model: &mut impl Model) -> Event {
    let (at, fields) = model.next_update();
    Event::Update(Update {
        symbol: symbols[at].clone(),
        fields,
        ts_event: Some(Ts(1)),
        ts_recv: Ts(1),
    })
}

/// A store with so many instruments of which the first thousand are active, and beats of updates for it.
fn prepare(instruments: usize) -> (Writer, Table, Vec<Vec<Event>>) {
    let names = |n: usize| Symbol::parse(&format!("bench:S{n:06}")).expect("a symbol");
    let symbols: Vec<Symbol> = (0..instruments).map(names).collect();
    let (mut writer, mut table) = (Writer::new(instruments), Table::new());
    let mut all = EvenModel::new(instruments, SEED);
    for _ in 0..instruments {
        writer.apply(&event(&symbols, &mut all), Ts(1));
    }
    table.apply(&writer.seal(Ts(1)).expect("a beat"));
    let mut active = EvenModel::new(ACTIVE, SEED);
    let beats = (0..100).map(|_| (0..UPDATES_PER_BEAT).map(|_| event(&symbols, &mut active)).collect());
    (writer, table, beats.collect())
}

/// Nanoseconds of (apply per update, seal per changed instrument, copy per changed instrument, ask for all).
fn costs(instruments: usize) -> [f64; 4] {
    let (mut writer, mut table, beats) = prepare(instruments);
    let mut sealed: Vec<SealedBeat> = Vec::new();
    let mut at = 0;
    let apply = per_unit(21, || {
        at = (at + 1) % beats.len();
        beats[at].iter().for_each(|e| writer.apply(e, Ts(2)));
        UPDATES_PER_BEAT as u64
    });
    sealed.extend(writer.seal(Ts(2)));
    let mut seal = Vec::new();
    for beat in beats.iter().take(60) {
        beat.iter().for_each(|e| writer.apply(e, Ts(2)));
        let start = measure::cpu_ns();
        let beat = writer.seal(Ts(2)).expect("a beat");
        seal.push((measure::cpu_ns() - start) as f64 / beat.changes.len() as f64);
        sealed.push(beat);
    }
    let mut copy = Vec::new();
    for beat in &sealed {
        let start = measure::cpu_ns();
        table.apply(beat);
        copy.push((measure::cpu_ns() - start) as f64 / beat.changes.len() as f64);
    }
    let since = Seq(table.seq().0 - 1);
    let ask = per_unit(21, || {
        let entries = table
            .changed_since(since)
            .filter_map(|id| table.changes_since(id, since));
        black_box(entries.count()) as u64
    });
    [apply, measure::median(&mut seal), measure::median(&mut copy), ask]
}

fn main() {
    println!("CPU time of one thread, medians; {UPDATES_PER_BEAT} updates a beat on {ACTIVE} active instruments");
    let [apply, seal, copy, ask] = costs(ACTIVE);
    let mut ok = within("apply one update", apply, 100.0, "ns");
    ok &= within("seal one changed instrument", seal, 200.0, "ns");
    ok &= within("copy it into one reader's table", copy, 60.0, "ns");
    show("ask what changed of it", ask, "ns");
    let share = (apply * 300_000.0 + (seal + copy) * ACTIVE as f64 * 100.0) / 1e7;
    ok &= within("one core's share at 300,000 updates/s", share, 6.0, "%");
    let [apply_100k, seal_100k, copy_100k, _] = costs(100_000);
    let growth = (apply_100k * 3.0 + seal_100k + copy_100k) / (apply * 3.0 + seal + copy);
    ok &= within("cost of a beat, 100,000 instruments beside 1,000", growth, 1.2, "x");
    finish(ok);
}
