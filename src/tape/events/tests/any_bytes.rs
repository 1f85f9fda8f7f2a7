//! Whatever a file holds, the reader ends, with an error at most, and holds no more than a block.

use std::io::Write as _;

use flate2::Compression;
use flate2::write::DeflateEncoder;

use super::super::block::{Packing, Part};
use super::super::index::{KeyframeAt, Summary, trailer};
use super::super::records::Decoder;
use super::super::scan::put_bytes;
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

#[test]
fn a_block_of_more_records_than_any_has_is_refused_before_they_are_held() {
    let mut payload = Vec::new();
    // A shape that says nothing, of one instrument.
    put_bytes(&mut payload, 1, b"\x0a\x03v:A");
    payload.extend_from_slice(b"\xa2\x01\x00");
    for (column, value) in [(21, 1), (22, 0), (25, 0)] {
        put_bytes(&mut payload, column, &[value; 2 * BLOCK_RECORDS_MAX]);
    }
    let mut out = Vec::new();
    let outcome = Decoder::default().decode(&payload, &mut out);
    assert_eq!((outcome, out.len()), (Err(BlockFault::TooLarge), BLOCK_RECORDS_MAX));
}

#[test]
fn a_beginning_that_cannot_be_read_is_told_by_salvage_as_by_stop() {
    let folder = Folder::new();
    let path = folder.file("x.tape");
    let events = [at(5, price(&symbol("v0:A"), 0, 7))];
    write(&path, &events);
    let bytes = std::fs::read(&path).expect("the file");
    let heads = blocks(&bytes);
    let records = &bytes[heads[1].0..heads[2].0];
    let no_symbol = block(Kind::Keyframe, 0, 0, b"\x0a\x03\x0a\x01A", false);
    for (what, first, told) in [
        ("no symbol", &no_symbol[..], "not a symbol"),
        ("no keyframe", &[], "a part of a keyframe is expected"),
    ] {
        std::fs::write(&path, [&file_head(VERSION)[..], first, records].concat()).expect("written");
        let error = TapeReader::open(&path, OnDamage::Stop).err().expect("refused");
        assert!(error.to_string().contains(told), "{what}: {error}");
        let mut reader = TapeReader::open(&path, OnDamage::Salvage).expect("a tape");
        assert_eq!(read(&mut reader).0, taped(&events), "{what}");
        let (offset, bytes) = (FILE_HEAD_BYTES as u64, first.len() as u64);
        let what = BlockFault::Content(told);
        assert_eq!(reader.damages().first(), Some(&Damage { offset, bytes, what }));
    }
}

#[test]
fn an_index_that_tells_of_a_place_behind_it_or_of_one_twice_is_none() {
    let keyframe = block(Kind::Keyframe, 0, 0, &[], false);
    let (folder, newest) = (Folder::new(), Ts(i64::MIN));
    let path = folder.file("x.tape");
    for (offsets, has_index) in [([16, 17], true), ([16, 1_000], false), ([16, 16], false)] {
        let summary = Summary {
            keyframes: offsets.map(|offset| KeyframeAt { offset, newest }).to_vec(),
            ..Summary::default()
        };
        let index = block(Kind::Index, 1, 0, &summary.encode(), false);
        let at = (FILE_HEAD_BYTES + keyframe.len()) as u64;
        let bytes = [&file_head(VERSION)[..], &keyframe, &index, &trailer(at)].concat();
        std::fs::write(&path, bytes).expect("written");
        let mut reader = open(&path);
        assert_eq!(reader.info().has_index, has_index, "{offsets:?}");
        assert_eq!(reader.seek(Ts(i64::MAX)).expect("the beginning"), Image::default());
    }
}
