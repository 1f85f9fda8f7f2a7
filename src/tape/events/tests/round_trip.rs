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
