//! Tapes as the tests read them.

use std::path::Path;

use tickwire::market::{Event, InstrumentId, Ts};
use tickwire::store::{Epoch, Seq, Table, Writer};
use tickwire::tape::{OnDamage, TapeError, TapeReader, Taped, What};
use tickwire::wire::{Chunks, Encoding, FrameBuf, SnapshotHead, SnapshotTail};

use super::rows::{self, HttpSnapshot};

/// What can be read of a tape, and what ends the reading early.
pub(crate) fn read(path: &Path, on_damage: OnDamage) -> (Vec<Taped>, Option<TapeError>) {
    let mut reader = TapeReader::open(path, on_damage).expect("a tape");
    let mut all = Vec::new();
    let mut records = Vec::new();
    let error = loop {
        records.clear();
        match reader.read(&mut records) {
            Ok(true) => all.append(&mut records),
            Ok(false) => break None,
            Err(error) => break Some(error),
        }
    };
    (all, error)
}

/// All of a tape that is whole.
pub(crate) fn read_whole(path: &Path) -> Vec<Taped> {
    let (records, error) = read(path, OnDamage::Stop);
    assert!(error.is_none(), "{error:?}");
    records
}

/// The events of records, none of which is a gap.
pub(crate) fn events(records: &[Taped]) -> Vec<&Event> {
    records
        .iter()
        .map(|taped| match &taped.what {
            What::Event(event) => event,
            What::Gap { events } => panic!("{events} events are missing at {:?}", taped.ts),
        })
        .collect()
}

/// What a server would answer to `/v1/snapshot` of all that these records name.
pub(crate) fn snapshot(records: &[Taped]) -> HttpSnapshot {
    let (mut writer, mut table) = (Writer::new(1_000_000), Table::new());
    for taped in records {
        if let What::Event(event) = &taped.what {
            writer.apply(event, taped.ts);
        }
    }
    let beat = writer.seal(Ts(0)).expect("something was recorded");
    table.apply(&beat);
    let mut chunks = Chunks::new(Encoding::Json);
    let ids = (0..table.len()).map(InstrumentId::from_index);
    let live = ids.filter(|id| table.is_live(*id));
    live.filter_map(|id| table.changes_since(id, Seq::ZERO))
        .for_each(|entry| chunks.push(&entry, Ts(0)));
    table.venues().for_each(|venue| chunks.push_venue(venue, true));
    let picks: Vec<u32> = (0..chunks.len() as u32).collect();
    let head = SnapshotHead {
        epoch: Epoch::new(1).expect("an epoch"),
        seq: table.seq(),
        ts: Ts(0),
        request_id: 0,
        resumed: false,
    };
    let tail = SnapshotTail {
        pending: Vec::new(),
        rejected: Vec::new(),
    };
    let mut frame = FrameBuf::new();
    frame.snapshot(&head, &chunks, &picks, Some(&tail));
    rows::read(&serde_json::from_slice(frame.as_bytes()).expect("JSON"))
}
