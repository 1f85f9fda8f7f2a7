//! Damaged files: what is wrong is told with its place, and salvage brings everything that is not hit.

use std::ops::Range;

use super::*;

/// A tape of some 60 blocks, its records by block, and where those stand.
struct Sample {
    bytes: Vec<u8>,
    blocks: Vec<(Range<usize>, Vec<Taped>)>,
}

impl Sample {
    fn new(folder: &Folder) -> Sample {
        let (path, symbols) = (folder.file("sample.tape"), symbols());
        let events: Vec<_> = (0..300)
            .map(|n| {
                at(
                    n * 1_000,
                    price(&symbols[n as usize % symbols.len()], 0, n * 7_919 % 10_007),
                )
            })
            .collect();
        write(&path, &events);
        let bytes = std::fs::read(&path).expect("the file");
        let mut left = taped(&events).into_iter();
        let mut records = |head: &Head| left.by_ref().take(head.records as usize).collect();
        let blocks = blocks(&bytes)
            .into_iter()
            .map(|(at, head)| (at..at + head.block_bytes() as usize, records(&head)))
            .collect();
        assert!(left.next().is_none());
        Sample { bytes, blocks }
    }

    /// Records of the blocks that are not hit.
    fn unhit(&self, hit: impl Fn(&Range<usize>) -> bool) -> Vec<Taped> {
        let whole = self.blocks.iter().filter(|(place, _)| !hit(place));
        whole.flat_map(|(_, records)| records.clone()).collect()
    }

    /// Records of the blocks before the first that is hit.
    fn before(&self, hit: impl Fn(&Range<usize>) -> bool) -> Vec<Taped> {
        let whole = self.blocks.iter().take_while(|(place, _)| !hit(place));
        whole.flat_map(|(_, records)| records.clone()).collect()
    }

    /// Reads these bytes in both ways, and checks both.
    fn check(&self, folder: &Folder, bytes: &[u8], hit: impl Fn(&Range<usize>) -> bool, what: &str) {
        let path = folder.file("damaged.tape");
        std::fs::write(&path, bytes).expect("written");
        match TapeReader::open(&path, OnDamage::Stop) {
            Ok(mut reader) => {
                let (records, error) = read(&mut reader);
                assert!(records == self.before(&hit), "{what}: {} records", records.len());
                if let Some(error) = error {
                    check_error(&error, bytes.len(), what);
                    assert!(matches!(reader.read(&mut Vec::new()), Ok(false)), "told once");
                }
                for ts in [0, 77_000, 150_000, 400_000] {
                    let _ = reader
                        .seek(Ts(ts))
                        .map_err(|error| check_error(&error, bytes.len(), what));
                }
            }
            Err(error) => check_error(&error, bytes.len(), what),
        }
        match TapeReader::open(&path, OnDamage::Salvage) {
            Ok(mut reader) => {
                let (records, error) = read(&mut reader);
                assert!(error.is_none(), "{what}: {error:?}");
                assert!(
                    records == self.unhit(&hit),
                    "{what}: {} records, {:?}",
                    records.len(),
                    reader.damages()
                );
                let is_hit = self.blocks.iter().any(|(place, _)| hit(place));
                // Else it is the file's head or its trailer.
                let is_outside = |damage: &Damage| damage.offset == 0 || damage.offset as usize + 16 >= bytes.len();
                assert!(is_hit || reader.damages().iter().all(is_outside), "{what}");
                for ts in [0, 77_000, 150_000, 400_000] {
                    reader.seek(Ts(ts)).expect("some keyframe, or the beginning");
                }
                let (again, _) = read(&mut reader);
                assert!(records.ends_with(&again), "{what}");
            }
            // Not one block is left.
            Err(error) => {
                check_error(&error, bytes.len(), what);
                assert!(self.blocks.iter().all(|(place, _)| hit(place)), "{what}: {error}");
            }
        }
    }
}

/// It names the file, and a place in it.
fn check_error(error: &TapeError, bytes: usize, what: &str) {
    let text = error.to_string();
    assert!(text.contains("damaged.tape"), "{what}: {text}");
    match error {
        TapeError::Block { offset, .. } => assert!(*offset as usize <= bytes, "{what}: {text}"),
        TapeError::NotATape { .. } => {}
        _ => panic!("{what}: {text}"),
    }
}

#[test]
fn a_thousand_truncations_and_flips() {
    let folder = Folder::new();
    let sample = Sample::new(&folder);
    let length = sample.bytes.len();
    for seed in 0..1_000 {
        let mut random = fastrand::Rng::with_seed(seed);
        let mut bytes = sample.bytes.clone();
        match random.u8(..4) {
            0 => {
                let cut = random.usize(..length);
                bytes.truncate(cut);
                sample.check(
                    &folder,
                    &bytes,
                    |place| place.end > cut,
                    &format!("seed {seed}: cut at {cut}"),
                );
            }
            1 => {
                let at = random.usize(..length);
                bytes[at] ^= 1 << random.u8(..8);
                sample.check(
                    &folder,
                    &bytes,
                    |place| place.contains(&at),
                    &format!("seed {seed}: flip at {at}"),
                );
            }
            kind => {
                if kind == 2 {
                    for _ in 0..random.usize(2..10) {
                        bytes[random.usize(..length)] ^= 1 + random.u8(..255);
                    }
                } else {
                    let from = random.usize(..length);
                    bytes[from..(from + random.usize(1..2_000)).min(length)].fill(0);
                }
                // Some may be what they were.
                let changed: Vec<usize> = (0..length).filter(|at| bytes[*at] != sample.bytes[*at]).collect();
                let hit = |place: &Range<usize>| changed.iter().any(|at| place.contains(at));
                sample.check(&folder, &bytes, hit, &format!("seed {seed}: {} changed", changed.len()));
            }
        }
    }
}

#[test]
fn a_cut_at_any_byte_loses_the_block_under_way_and_nothing_else() {
    let folder = Folder::new();
    let sample = Sample::new(&folder);
    for cut in FILE_HEAD_BYTES..sample.bytes.len() {
        let path = folder.file("cut.tape");
        std::fs::write(&path, &sample.bytes[..cut]).expect("written");
        let whole = sample.unhit(|place| place.end > cut);
        match TapeReader::open(&path, OnDamage::Stop) {
            Ok(mut reader) => {
                assert_eq!(reader.info().records, whole.len() as u64, "{cut}");
                assert!(read(&mut reader).0 == whole, "{cut}");
            }
            Err(error) => assert!(cut < sample.blocks[0].0.end, "{cut}: {error}"),
        }
    }
}

#[test]
fn blocks_that_are_missing_twice_or_in_another_order_are_told() {
    let folder = Folder::new();
    let sample = Sample::new(&folder);
    let part = |at: usize| &sample.bytes[sample.blocks[at].0.clone()];
    let (head, count) = (&sample.bytes[..FILE_HEAD_BYTES], sample.blocks.len());
    let tail = &sample.bytes[sample.blocks[count - 1].0.end..];
    let records =
        |order: &[usize]| -> Vec<Taped> { order.iter().flat_map(|at| sample.blocks[*at].1.clone()).collect() };
    let all: Vec<usize> = (0..count).collect();
    let without = [&all[..5], &all[6..]].concat();
    let twice = [&all[..6], &all[5..]].concat();
    let swapped = [&all[..5], &[6, 5], &all[7..]].concat();
    for (what, order, stops, told) in [
        ("missing", without, 5, 1),
        ("twice", twice, 6, 1),
        ("swapped", swapped, 5, 3),
    ] {
        let blocks: Vec<&[u8]> = order.iter().map(|at| part(*at)).collect();
        let path = folder.file("order.tape");
        std::fs::write(&path, [head, &blocks.concat(), tail].concat()).expect("written");
        let (got, error) = read(&mut open(&path));
        assert!(got == records(&all[..stops]), "{what}");
        let fault = BlockFault::OutOfOrder;
        assert!(
            matches!(error, Some(TapeError::Block { fault: is, .. }) if is == fault),
            "{what}: {error:?}"
        );
        let mut reader = TapeReader::open(&path, OnDamage::Salvage).expect("a tape");
        assert!(read(&mut reader).0 == records(&order), "{what}");
        let damages: Vec<_> = reader.damages().iter().map(|d| (d.bytes, d.what)).collect();
        assert_eq!(damages, vec![(0, fault); told], "{what}");
    }
}

#[test]
fn bytes_between_blocks_are_passed_over_and_told() {
    let folder = Folder::new();
    let sample = Sample::new(&folder);
    let at = sample.blocks[5].0.start;
    // Among them what looks like the beginning of a block, at the edge of what is looked through at once.
    let mut junk = vec![b'x'; 200_000];
    for n in [7, 65_530, 65_533, 65_534, 131_070, 199_990] {
        junk[n..n + 4].copy_from_slice(&block::MAGIC);
    }
    for length in [1, 55, 56, 65_533, 65_536, 200_000] {
        let path = folder.file("junk.tape");
        let bytes = [&sample.bytes[..at], &junk[..length], &sample.bytes[at..]].concat();
        std::fs::write(&path, bytes).expect("written");
        let mut reader = TapeReader::open(&path, OnDamage::Salvage).expect("a tape");
        assert!(read(&mut reader).0 == sample.unhit(|_| false), "{length}");
        let want = Damage {
            offset: at as u64,
            bytes: length as u64,
            what: BlockFault::NoBlock,
        };
        assert_eq!(reader.damages(), [want], "{length}");
        let error = read(&mut open(&path)).1.expect("told");
        assert!(
            error
                .to_string()
                .ends_with(&format!("at byte {at}: no block begins here")),
            "{error}"
        );
    }
}

#[test]
fn a_tape_that_is_nothing_but_damage_lists_only_so_many_places() {
    let folder = Folder::new();
    let (path, of) = (folder.file("sample.tape"), symbol("v0:A"));
    let mut writer = small(&path, Rotation::default());
    for n in 0..3_000 {
        writer.write(Ts(n), &price(&of, n, n)).expect("written");
        writer.flush().expect("written");
    }
    writer.finish().expect("finished");
    let mut bytes = std::fs::read(&path).expect("the file");
    let blocks = blocks(&bytes);
    let hit: Vec<_> = blocks
        .iter()
        .filter(|(_, head)| head.kind == Kind::Records)
        .step_by(2)
        .collect();
    hit.iter().for_each(|(at, _)| bytes[at + HEAD_BYTES] ^= 1);
    std::fs::write(&path, bytes).expect("written");
    let mut reader = TapeReader::open(&path, OnDamage::Salvage).expect("a tape");
    assert_eq!(read(&mut reader).0.len(), 1_500);
    let damages = reader.damages();
    assert_eq!(damages.len(), crate::tape::bounds::DAMAGES_MAX);
    let bytes: u64 = damages.iter().map(|damage| damage.bytes).sum();
    assert_eq!(bytes, hit.iter().map(|(_, head)| head.block_bytes()).sum::<u64>());
}
