//! What is written is read.

use super::*;

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn events_come_back_as_they_were(records in prop::collection::vec((taped(), prop::bool::weighted(0.1)), 0..60)) {
        let folder = Folder::new();
        let path = folder.file("any.tape");
        let mut writer = TapeWriter::create(&path, Rotation::default()).expect("a new file");
        for ((ts, event), is_flushed) in &records {
            writer.write(*ts, event).expect("written");
            if *is_flushed {
                writer.flush().expect("flushed");
            }
        }
        let written = writer.finish().expect("finished");
        prop_assert_eq!(written.records, records.len() as u64);
        let mut reader = open(&path);
        let want: Vec<Taped> = records.into_iter().map(|((ts, event), _)| Taped { ts, what: What::Event(event) }).collect();
        prop_assert_eq!(read_all(&mut reader).expect("whole"), want);
    }
}

#[test]
fn a_copy_of_a_tape_with_gaps_has_the_same_records_and_not_what_follows_twice() {
    let folder = Folder::new();
    let (path, copy) = (folder.file("a.tape"), folder.file("b.tape"));
    let mut writer = TapeWriter::create(&path, Rotation::default()).expect("a new file");
    let update = |at| {
        Event::Update(crate::market::Update {
            symbol: symbols()[0].clone(),
            fields: crate::market::Fields::new(),
            ts_event: None,
            ts_recv: Ts(at),
        })
    };
    for at in [1, 3] {
        writer.write(Ts(at), &update(at)).expect("written");
        writer.gap(Ts(at + 1), 5).expect("written");
    }
    writer.finish().expect("finished");
    let want = read_all(&mut open(&path)).expect("whole");
    assert_eq!(
        want.len(),
        7,
        "two updates, two gaps, stale, live and stale again: {want:?}"
    );
    let mut writer = TapeWriter::create(&copy, Rotation::default()).expect("a new file");
    want.iter().for_each(|taped| writer.copy(taped).expect("written"));
    let written = writer.finish().expect("finished");
    assert_eq!((written.records, written.updates, written.gaps), (7, 2, 2));
    assert_eq!(read_all(&mut open(&copy)).expect("whole"), want);
}
