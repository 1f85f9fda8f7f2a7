//! Disks that run full.

use std::io::ErrorKind;

use super::*;

proptest! {
    #![proptest_config(ProptestConfig::with_cases(100))]

    #[test]
    fn a_disk_that_runs_full_anywhere_keeps_what_was_flushed(room in 0usize..12_000) {
        let disk = SmallDisk::new(room);
        let (path, of) = (Path::new("full.tape"), symbol("v0:A"));
        let mut flushed = 0;
        let mut events = (0..).map(|n: i64| at(n, price(&of, 0, n * 7_919 % 10_007)));
        let opened = TapeWriter::with(path, Rotation::default(), disk.create(), SMALL);
        let error = match opened {
            Err(error) => error,
            Ok(mut writer) => {
                let error = loop {
                    let (ts, event) = events.next().expect("without end");
                    let mut outcome = writer.write(ts, &event);
                    if ts.0 % 10 == 9 && outcome.is_ok() {
                        outcome = writer.flush();
                        flushed = if outcome.is_ok() { ts.0 as usize + 1 } else { flushed };
                    }
                    if let Err(error) = outcome {
                        break error;
                    }
                };
                // Room again: nothing more is added, and each call says so.
                disk.make_room();
                let bytes = disk.bytes();
                prop_assert!(writer.write(Ts(0), &price(&of, 0, 0)).is_err());
                prop_assert!(writer.gap(Ts(0), 1).is_err());
                prop_assert!(writer.finish().is_err());
                prop_assert_eq!(disk.bytes(), bytes);
                error
            }
        };
        let is_full = matches!(&error, TapeError::Write { file, source } if file == path && source.kind() == ErrorKind::StorageFull);
        prop_assert!(is_full, "{error}");

        let folder = Folder::new();
        let copy = folder.file("full.tape");
        std::fs::write(&copy, disk.bytes()).expect("written");
        match TapeReader::open(&copy, OnDamage::Stop) {
            Ok(mut reader) => {
                let (records, _) = read(&mut reader);
                prop_assert!(records.len() >= flushed, "{} of {flushed}", records.len());
                let want: Vec<_> = (0..records.len() as i64).map(|n| at(n, price(&of, 0, n * 7_919 % 10_007))).collect();
                prop_assert_eq!(records, taped(&want));
            }
            Err(error) => prop_assert_eq!(flushed, 0, "{}", error),
        }
    }
}
