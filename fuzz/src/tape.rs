//! The reader and the writer of tapes: an input is in its first byte what the others are, and those: 0 for a file, 1 for
//! what the blocks of one hold, each as its kind, its length in two bytes and its payload. They become blocks with right
//! checksums, so that what stands behind those is reached.

use std::io::{Read as _, Write as _};

use flate2::Compression;
use flate2::bufread::DeflateDecoder;
use flate2::write::DeflateEncoder;
use tickwire::market::{Event, InstrumentId, Ts};
use tickwire::store::{Image, Seq, Table, Writer};
use tickwire::tape::{
    BlockFault, Damage, OnDamage, Rotation, TAPE_MAGIC, TapeError, TapeReader, TapeWriter, Taped, What,
};

use super::file::File;
use super::rows::check_written;

/// What a block begins with.
const BLOCK_MAGIC: &[u8] = b"\xffTwB";

/// More need more time, and show nothing more.
const BLOCKS_MAX: usize = 64;

/// 2 MiB, as much as a block may have.
const BLOCK_BYTES_MAX: u64 = 2 << 20;

/// Records of a block.
const BLOCK_RECORDS_MAX: usize = 4_096;

/// Longest reason of a venue's state that is taped whole.
const REASON_BYTES_MAX: usize = 64 << 10;

/// Any tape. Reading it ends, with what is wrong named; whatever it holds can be played, and taped again.
pub fn tape(input: &[u8]) {
    let Some((first, bytes)) = input.split_first() else {
        return;
    };
    let bytes = if first % 2 == 0 { bytes.to_vec() } else { blocks(bytes) };
    let file = File::of(&bytes);
    let records = check_read(&file, &bytes);
    let is_cut = |taped: &Taped| match &taped.what {
        What::Event(Event::Venue { reason, .. }) => reason.len() > REASON_BYTES_MAX,
        _ => false,
    };
    if !records.iter().any(is_cut) {
        check_copy(&records);
        check_written(&records);
    }
}

/// Reads the file in both ways, and checks one by the other; returns what can be salvaged.
fn check_read(file: &File, bytes: &[u8]) -> Vec<Taped> {
    let stopped = TapeReader::open(file.path(), OnDamage::Stop);
    let mut salvage = match TapeReader::open(file.path(), OnDamage::Salvage) {
        Ok(salvage) => salvage,
        Err(error) => {
            check_error(&error, bytes);
            assert!(stopped.is_err(), "only salvage fails: {error}");
            return Vec::new();
        }
    };
    let (all, error) = read(&mut salvage, bytes);
    assert!(error.is_none(), "{error:?}");
    check_damages(salvage.damages(), bytes);
    // A block within a payload is found where that cannot be read, and by an index that tells of it.
    let is_plain = bytes.windows(BLOCK_MAGIC.len()).filter(|at| *at == BLOCK_MAGIC).count() == heads(bytes);
    let all_of = |is_known: bool| is_known.then_some(&all[..]);
    let error = match stopped {
        Err(error) => Some(error),
        Ok(mut stop) => {
            let (records, error) = read(&mut stop, bytes);
            let is_whole = error.is_none();
            assert!(all.starts_with(&records), "{} records", records.len());
            assert!(!is_whole || records.len() == all.len(), "salvage finds more");
            assert!(!is_whole || stop.info().has_index || stop.info().records == records.len() as u64);
            check_seeks(&mut stop, bytes, OnDamage::Stop, all_of(is_plain && is_whole));
            error
        }
    };
    if let Some(error) = error {
        check_error(&error, bytes);
        check_told(&error, salvage.damages());
    } else {
        assert_eq!(salvage.damages(), []);
    }
    check_seeks(&mut salvage, bytes, OnDamage::Salvage, all_of(is_plain));
    check_damages(salvage.damages(), bytes);
    check_played(salvage.image(), &all);
    all
}

/// The records up to the end or the error.
fn read(reader: &mut TapeReader, bytes: &[u8]) -> (Vec<Taped>, Option<TapeError>) {
    let mut out = Vec::new();
    loop {
        let (length, offset) = (out.len(), reader.offset());
        match reader.read(&mut out) {
            Ok(true) => assert!(reader.offset() > offset),
            Ok(false) => return (out, None),
            Err(error) => {
                assert_eq!(out.len(), length, "half a block");
                check_error(&error, bytes);
                assert!(matches!(reader.read(&mut out), Ok(false)), "a fault is told once");
                return (out, Some(error));
            }
        }
        assert!(out.len() - length <= BLOCK_RECORDS_MAX);
    }
}

/// What follows a moment is the end of all.
fn check_seeks(reader: &mut TapeReader, bytes: &[u8], on_damage: OnDamage, all: Option<&[Taped]>) {
    for ts in [i64::MIN, -1, 0, 1, 2, 5, BLOCKS_MAX as i64, i64::MAX] {
        let image = match reader.seek(Ts(ts)) {
            Ok(image) => image,
            Err(error) => {
                check_error(&error, bytes);
                assert!(on_damage == OnDamage::Stop, "salvage fails: {error}");
                continue;
            }
        };
        assert!(reader.newest_before().is_none_or(|newest| newest <= Ts(ts)));
        let (records, _) = read(reader, bytes);
        if let Some(all) = all {
            assert!(all.ends_with(&records), "from {ts} on: {} records", records.len());
        }
        check_played(&image, &records);
    }
}

/// Whatever a tape says, a store takes it, and a table of its beats is up with it.
fn check_played(image: &Image, records: &[Taped]) {
    let (mut store, mut table) = (Writer::new(1_000), Table::new());
    store.restore(image);
    let restored = store.image();
    let mut other = Writer::new(1_000);
    other.restore(&restored);
    assert_eq!(other.image(), restored);
    let _ = image.events(Ts(0));
    if let Some(beat) = store.seal(Ts(0)) {
        table.apply(&beat);
    }
    play(&mut store, records);
    if let Some(beat) = store.seal(Ts(0)) {
        table.apply(&beat);
    }
    for (at, instrument) in store.image().instruments.iter().enumerate() {
        let id = InstrumentId::from_index(at);
        assert_eq!(table.listing(id), Some(&instrument.listing));
        assert_eq!(table.is_live(id), !instrument.is_removed);
        if let Some(entry) = table.changes_since(id, Seq::ZERO) {
            assert_eq!(entry.set, instrument.present);
            assert!(
                entry
                    .set
                    .iter()
                    .all(|f| entry.values[f.index()] == instrument.values[f.index()])
            );
        }
    }
}

/// What steps back counts as the newest before it.
fn play(store: &mut Writer, records: &[Taped]) {
    let mut newest = Ts(i64::MIN);
    for taped in records {
        newest = newest.max(taped.ts);
        if let What::Event(event) = &taped.what {
            store.apply(event, newest);
        }
    }
}

/// Taped again, they are the same records, and the keyframe behind them says what they make of everything.
fn check_copy(records: &[Taped]) {
    let file = File::unmade();
    let mut writer = TapeWriter::create(file.path(), Rotation::default()).expect("a new file");
    for taped in records {
        writer.copy(taped).expect("a disk with room");
    }
    let written = writer.finish().expect("a disk with room");
    let mut reader = TapeReader::open(file.path(), OnDamage::Stop).expect("what was written");
    let bytes = std::fs::read(file.path()).expect("what was written");
    let (again, error) = read(&mut reader, &bytes);
    assert!(error.is_none(), "{error:?}");
    assert_eq!(again, records);
    let info = reader.info().clone();
    let updates = records
        .iter()
        .filter(|one| matches!(one.what, What::Event(Event::Update(_))))
        .count();
    let gaps = records
        .iter()
        .filter(|one| matches!(one.what, What::Gap { .. }))
        .count();
    assert!(info.has_index);
    assert_eq!(
        (info.records, info.updates, info.gaps),
        (written.records, written.updates, written.gaps)
    );
    assert_eq!(
        (info.records, info.updates, info.gaps),
        (records.len() as u64, updates as u64, gaps as u64)
    );
    assert_eq!(written.file_bytes, bytes.len() as u64);
    let times = (
        records.first().map(|one| one.ts),
        records.iter().map(|one| one.ts).max(),
    );
    assert_eq!(
        (info.first, info.last),
        (times.0.unwrap_or_default(), times.1.unwrap_or_default())
    );
    let mut store = Writer::new(1_000);
    play(&mut store, records);
    assert_eq!(reader.seek(Ts(i64::MAX)).expect("the last keyframe"), store.image());
}

/// It names a place in the file, or refuses all of it.
fn check_error(error: &TapeError, bytes: &[u8]) {
    let words = error.to_string();
    assert!(words.len() < 1_000, "{words}");
    match error {
        TapeError::Block { offset, .. } => assert!(*offset <= bytes.len() as u64, "{words}"),
        TapeError::NotATape { .. } | TapeError::TapeVersion { .. } => {}
        _ => panic!("the disk is at fault: {words}"),
    }
}

/// What ends the reading is what salvage tells of.
fn check_told(error: &TapeError, damages: &[Damage]) {
    let is_told = |damage: &Damage| match error {
        TapeError::Block { offset, fault, .. } => (damage.offset, damage.what) == (*offset, *fault),
        _ => (damage.offset, damage.what) == (0, BlockFault::NoBlock),
    };
    assert!(damages.iter().any(is_told), "{error}, but {damages:?}");
}

/// They lie in the file, each once.
fn check_damages(damages: &[Damage], bytes: &[u8]) {
    for (at, damage) in damages.iter().enumerate() {
        assert!(damage.offset + damage.bytes <= bytes.len() as u64, "{damage:?}");
        let is_same = |other: &Damage| (other.offset, other.what) == (damage.offset, damage.what);
        assert!(!damages[..at].iter().any(is_same), "twice: {damage:?}");
    }
}

/// Blocks one behind the other from the first on.
fn heads(bytes: &[u8]) -> usize {
    let (mut at, mut count) = (16, 0);
    while let Some(head) = bytes.get(at..at + 56).filter(|head| head.starts_with(BLOCK_MAGIC)) {
        at += 56 + u32::from_le_bytes([head[12], head[13], head[14], head[15]]) as usize;
        count += 1;
    }
    count
}

/// A file of blocks that hold this, and a trailer where the last one is an index.
fn blocks(mut input: &[u8]) -> Vec<u8> {
    let mut file = [&TAPE_MAGIC[..], &1u32.to_le_bytes()].concat();
    put_crc(&mut file, 0);
    let (mut number, mut index) = (0, None);
    for _ in 0..BLOCKS_MAX {
        let Some(([kind, low, high], rest)) = input.split_first_chunk::<3>() else {
            break;
        };
        let length = usize::from(u16::from_le_bytes([*low, *high])).min(rest.len());
        let payload;
        (payload, input) = rest.split_at(length);
        number += u32::from(kind & 0x40 != 0);
        index = (kind & 3 == 2).then_some(file.len() as u64);
        put_block(&mut file, *kind, number, payload);
        number += 1;
    }
    if let Some(offset) = index {
        let start = file.len();
        file.extend_from_slice(&offset.to_le_bytes());
        put_crc(&mut file, start);
        file.extend_from_slice(b"\xffTwI");
    }
    file
}

/// Appends a block. Bits 0 and 1 of the kind are 0 for records, 1 for a keyframe, 2 for an index, 3 for what there is not;
/// 2 is to be packed, 3 says that the payload is so already; 4 and 5 are not the first and not the last part; 6 is that a
/// block before it is missing; 7 is a wrong count.
fn put_block(file: &mut Vec<u8>, kind: u8, number: u32, payload: &[u8]) {
    let has = |bit: u8| kind & 1 << bit != 0;
    let (packed, raw) = match (has(2), has(3)) {
        (true, _) => (deflate(payload), payload.to_vec()),
        (false, true) => (payload.to_vec(), inflate(payload)),
        (false, false) => (payload.to_vec(), payload.to_vec()),
    };
    let records = if kind & 3 == 0 { records(&raw) } else { 0 };
    let wrong = u32::from(has(7));
    // Each keyframe is as new as its number, so that there are moments to go to.
    let newest = if number == 0 { i64::MIN } else { i64::from(number) };
    let start = file.len();
    file.extend_from_slice(BLOCK_MAGIC);
    let part = u8::from(!has(4)) | u8::from(!has(5)) << 1;
    file.extend_from_slice(&[(kind & 3) + 1, u8::from(has(2) || has(3)), part, 0]);
    for count in [number, packed.len() as u32, raw.len() as u32, records + wrong, 0, 0] {
        file.extend_from_slice(&count.to_le_bytes());
    }
    for time in [newest, newest] {
        file.extend_from_slice(&time.to_le_bytes());
    }
    file.extend_from_slice(&crc32c::crc32c(&packed).to_le_bytes());
    put_crc(file, start);
    file.extend_from_slice(&packed);
}

fn put_crc(bytes: &mut Vec<u8>, start: usize) {
    let crc = crc32c::crc32c(&bytes[start..]);
    bytes.extend_from_slice(&crc.to_le_bytes());
}

fn deflate(raw: &[u8]) -> Vec<u8> {
    let mut encoder = DeflateEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(raw).expect("a vector takes all");
    encoder.finish().expect("a vector takes all")
}

/// What it unpacks to, as far as it does.
fn inflate(packed: &[u8]) -> Vec<u8> {
    let mut raw = Vec::new();
    let _ = DeflateDecoder::new(packed).take(BLOCK_BYTES_MAX).read_to_end(&mut raw);
    raw
}

/// How many records a payload has: the numbers of the last column with the number 21.
fn records(mut payload: &[u8]) -> u32 {
    let mut count = 0;
    while let Some(tag) = varint(&mut payload) {
        let length = match tag & 7 {
            0 => varint(&mut payload).map(|_| 0),
            1 => Some(8),
            2 => varint(&mut payload),
            5 => Some(4),
            _ => None,
        };
        let length = length.and_then(|length| usize::try_from(length).ok());
        let Some((value, rest)) = length.and_then(|length| payload.split_at_checked(length)) else {
            break;
        };
        if tag == 21 << 3 | 2 {
            count = value.iter().filter(|byte| **byte < 0x80).count() as u32;
        }
        payload = rest;
    }
    count
}

fn varint(bytes: &mut &[u8]) -> Option<u64> {
    let end = bytes.iter().take(10).position(|byte| *byte < 0x80)? + 1;
    let (number, rest) = bytes.split_at(end);
    *bytes = rest;
    Some(
        number
            .iter()
            .rev()
            .fold(0, |value, byte| value << 7 | u64::from(byte & 0x7f)),
    )
}
