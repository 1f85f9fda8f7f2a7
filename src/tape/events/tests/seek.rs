//! Any moment is at hand: to seek and play on is to play from the beginning.

use super::*;

/// Records before the first one whose time, the newest so far, is later.
fn up_to(records: &[Taped], ts: Ts) -> usize {
    records.iter().position(|taped| taped.ts > ts).unwrap_or(records.len())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(100))]

    #[test]
    fn seeking_is_playing(
        events in prop::collection::vec((arbitrary::event(symbols(), 0..1_000_000), -30..100i64), 0..160),
        times in prop::collection::vec(-100..9_000i64, 1..12),
        has_index: bool,
    ) {
        let mut ts = 0;
        let events: Vec<_> = events.into_iter().map(|(event, step)| { ts += step; at(ts, event) }).collect();
        let folder = Folder::new();
        let path = folder.file("x.tape");
        write(&path, &events);
        if !has_index {
            let bytes = std::fs::read(&path).expect("the file");
            let blocks = blocks(&bytes);
            std::fs::write(&path, &bytes[..blocks[blocks.len() - 1].0]).expect("written");
        }
        let mut reader = open(&path);
        prop_assert_eq!(reader.info().has_index, has_index);
        let all = taped(&events);
        for ts in times.into_iter().chain([i64::MIN, i64::MAX]).map(Ts) {
            let image = reader.seek(ts).expect("whole");
            let newest_before = reader.newest_before();
            let (rest, error) = read(&mut reader);
            prop_assert!(error.is_none(), "{:?}", error);
            // Right behind the newest keyframe that fits; the last stands at the end.
            let want = up_to(&all, ts);
            let from = all.len() - rest.len();
            let newest = if want == all.len() { want } else { want - want % 25 };
            prop_assert_eq!(from, newest);
            prop_assert_eq!(newest_before, all[..from].iter().map(|taped| taped.ts).max());
            prop_assert_eq!(&rest[..], &all[from..]);
            prop_assert_eq!(&image, &play(&Image::default(), None, &all[..from]));
            prop_assert_eq!(play(&image, newest_before, &rest[..want - from]), play(&Image::default(), None, &all[..want]));
        }
    }
}

#[test]
fn the_offset_tells_how_far_reading_is() {
    let folder = Folder::new();
    let path = folder.file("x.tape");
    let of = symbol("v0:A");
    let events: Vec<_> = (0..100).map(|n| at(n, price(&of, 0, n))).collect();
    write(&path, &events);
    let mut reader = open(&path);
    let (mut before, mut out) = (0, Vec::new());
    while reader.read(&mut out).expect("whole") {
        assert!(reader.offset() > before && reader.offset() < reader.bytes());
        before = reader.offset();
    }
    reader.seek(Ts(30)).expect("whole");
    assert!(reader.offset() < before);
}

#[test]
fn a_keyframe_of_many_instruments_comes_in_parts() {
    let names = (0..10_000).map(|n| symbol(&format!("v0:S{n}")));
    let events: Vec<_> = names.zip(0..).map(|(of, n)| at(n, price(&of, 0, n))).collect();
    let folder = Folder::new();
    let path = folder.file("x.tape");
    let mut writer = TapeWriter::create(&path, Rotation::default()).expect("a new file");
    events
        .iter()
        .for_each(|(ts, event)| writer.write(*ts, event).expect("written"));
    writer.finish().expect("finished");
    let all = taped(&events);
    let mut bytes = std::fs::read(&path).expect("the file");
    let parts: Vec<_> = blocks(&bytes)
        .into_iter()
        .filter(|(_, head)| head.kind == Kind::Keyframe)
        .collect();
    assert_eq!(parts.len(), 1 + 3);
    let mut reader = open(&path);
    assert_eq!(reader.info().keyframes, 2);
    assert!(reader.seek(Ts(20_000)).expect("whole") == play(&Image::default(), None, &all));
    // Without its middle part it is none, with or without an index.
    let (at, head) = parts[2];
    bytes[at + HEAD_BYTES + 3] ^= 1;
    std::fs::write(&path, &bytes).expect("written");
    let error = open(&path).seek(Ts(20_000)).expect_err("damaged");
    assert!(
        matches!(error, TapeError::Block { offset, .. } if offset == at as u64),
        "{error}"
    );
    bytes.drain(at..at + head.block_bytes() as usize);
    for cut in [0, 1] {
        std::fs::write(&path, &bytes[..bytes.len() - cut]).expect("written");
        let mut reader = TapeReader::open(&path, OnDamage::Salvage).expect("a tape");
        assert_eq!(reader.seek(Ts(20_000)).expect("an older one"), Image::default());
        assert!(read(&mut reader).0 == all);
        assert!(!reader.damages().is_empty());
    }
}
