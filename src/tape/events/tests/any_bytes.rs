//! Whatever a file holds, the reader ends, with an error at most, and holds no more than a block.

use std::io::Write as _;

use flate2::Compression;
use flate2::write::DeflateEncoder;

use super::super::block::{Packing, Part};
use super::*;
use crate::tape::bounds::{BLOCK_BYTES_MAX, BLOCK_RECORDS_MAX};

/// A block with right checksums, whatever it holds.
fn block(kind: Kind, number: u32, records: u32, payload: &[u8], is_packed: bool) -> Vec<u8> {
    let mut encoder = DeflateEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(payload).expect("a vector takes all");
    let packed = match is_packed {
        true => encoder.finish().expect("a vector takes all"),
        false => payload.to_vec(),
    };
    let head = Head {
        kind,
        packing: if is_packed { Packing::Deflate } else { Packing::Plain },
        part: Part {
            is_first: kind == Kind::Keyframe,
            is_last: kind == Kind::Keyframe,
        },
        number,
        packed_bytes: packed.len() as u32,
        raw_bytes: payload.len() as u32,
        records,
        updates: 0,
        gaps: 0,
        first: Ts(0),
        last: Ts(0),
        payload_crc: crc32c::crc32c(&packed),
    };
    [&head.bytes()[..], &packed].concat()
}

/// Everything that a reader can do with a file of these bytes; the records with salvage.
fn exercise(bytes: &[u8]) -> Vec<Taped> {
    let folder = Folder::new();
    let path = folder.file("any.tape");
    std::fs::write(&path, bytes).expect("written");
    let mut salvaged = Vec::new();
    for on_damage in [OnDamage::Stop, OnDamage::Salvage] {
        let Ok(mut reader) = TapeReader::open(&path, on_damage) else {
            continue;
        };
        let mut out = Vec::new();
        loop {
            let before = out.len();
            let outcome = reader.read(&mut out);
            assert!(out.len() - before <= BLOCK_RECORDS_MAX);
            match outcome {
                Ok(true) => {}
                Ok(false) => break,
                Err(error) => {
                    assert!(on_damage == OnDamage::Stop && out.len() == before, "{error}");
                    break;
                }
            }
        }
        for ts in [i64::MIN, 0, i64::MAX] {
            let _ = reader.seek(Ts(ts));
        }
        salvaged = out;
    }
    salvaged
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn any_bytes_are_read_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..300), has_head: bool) {
        let bytes = if has_head { [&file_head(VERSION)[..], &bytes].concat() } else { bytes };
        exercise(&bytes);
    }

    #[test]
    fn any_payload_behind_right_checksums_is_read_or_refused(
        payload in prop::collection::vec(any::<u8>(), 0..200), kind in 0..3usize, records in 0..5u32, is_packed: bool,
    ) {
        let kind = [Kind::Records, Kind::Keyframe, Kind::Index][kind];
        let first = block(Kind::Keyframe, 0, 0, &[], false);
        let any = block(kind, 1, records, &payload, is_packed);
        exercise(&[&file_head(VERSION)[..], &first, &any].concat());
        exercise(&[&file_head(VERSION)[..], &any].concat());
    }

    #[test]
    fn payloads_that_are_nearly_right_are_read_or_refused(
        events in prop::collection::vec(any_event(), 1..30),
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..4),
    ) {
        let folder = Folder::new();
        write(&folder.file("x.tape"), &events);
        let bytes = std::fs::read(folder.file("x.tape")).expect("the file");
        let mut changed = file_head(VERSION).to_vec();
        for (at, head) in blocks(&bytes) {
            let packed = &bytes[at + HEAD_BYTES..at + head.block_bytes() as usize];
            let mut unpacker = payload::Unpacker::new();
            let mut payload = unpacker.unpack(head.packing, packed, head.raw_bytes as usize).expect("whole").to_vec();
            for (at, byte) in &changes {
                if !payload.is_empty() {
                    let at = at.index(payload.len());
                    payload[at] = *byte;
                }
            }
            changed.extend(block(head.kind, head.number, head.records, &payload, false));
        }
        exercise(&changed);
    }
}

#[test]
fn lengths_and_counts_beyond_all_bounds_are_refused_before_anything_is_held() {
    let good = block(Kind::Keyframe, 0, 0, &[], false);
    let head = |change: fn(&mut Head)| {
        let mut head = Head::parse(good.first_chunk().expect("a head")).expect("a head");
        change(&mut head);
        [&file_head(VERSION)[..], &head.bytes()].concat()
    };
    for (what, bytes, fault) in [
        ("unpacked", head(|h| h.raw_bytes = u32::MAX), BlockFault::TooLarge),
        ("packed", head(|h| h.packed_bytes = u32::MAX), BlockFault::TooLarge),
        (
            "just over",
            head(|h| h.raw_bytes = BLOCK_BYTES_MAX as u32 + 1),
            BlockFault::TooLarge,
        ),
        (
            "records",
            head(|h| h.records = BLOCK_RECORDS_MAX as u32 + 1),
            BlockFault::TooLarge,
        ),
        ("behind the end", head(|h| h.packed_bytes = 1), BlockFault::Truncated),
    ] {
        let folder = Folder::new();
        let path = folder.file("x.tape");
        std::fs::write(&path, bytes).expect("written");
        let error = TapeReader::open(&path, OnDamage::Stop).err().expect("refused");
        assert!(
            matches!(error, TapeError::Block { offset: 16, fault: is, .. } if is == fault),
            "{what}: {error}"
        );
    }
    // A bomb: it unpacks to more than its head says.
    let mut bomb = block(Kind::Keyframe, 0, 0, &vec![0; 8 << 20], true);
    bomb[16..20].copy_from_slice(&1_000u32.to_le_bytes());
    let crc = crc32c::crc32c(&bomb[..52]);
    bomb[52..56].copy_from_slice(&crc.to_le_bytes());
    let folder = Folder::new();
    let path = folder.file("x.tape");
    std::fs::write(&path, [&file_head(VERSION)[..], &bomb].concat()).expect("written");
    let error = TapeReader::open(&path, OnDamage::Stop).err().expect("refused");
    assert!(error.to_string().contains("not what the head says"), "{error}");
}
