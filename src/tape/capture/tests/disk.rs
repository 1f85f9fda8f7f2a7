//! Disks that run full.

use std::io::ErrorKind;
use std::path::Path;

use proptest::prelude::*;

use super::*;
use crate::tape::sink::Create;
use crate::tape::tests::SmallDisk;

/// Writes frames with a flush after each tenth until the disk is full; the error and how many were flushed.
fn fill(writer: &mut CaptureWriter) -> (TapeError, usize) {
    let mut flushed = 0;
    for n in 0.. {
        let (ts, bytes) = frame(n);
        let mut outcome = writer.write(ts, &bytes).map(drop);
        if n % 10 == 9 && outcome.is_ok() {
            outcome = writer.flush();
            flushed = if outcome.is_ok() { n as usize + 1 } else { flushed };
        }
        if let Err(error) = outcome {
            return (error, flushed);
        }
    }
    unreachable!("the disk is small")
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn a_disk_that_runs_full_anywhere_keeps_what_was_flushed_and_nothing_half(room in 60usize..20_000) {
        let disk = SmallDisk::new(room);
        let path = Path::new("full.capture.gz");
        let mut writer = CaptureWriter::with(path, &venue(), Rotation::default(), disk.create()).expect("room for a header");
        let (error, flushed) = fill(&mut writer);
        prop_assert!(matches!(&error, TapeError::Write { file, .. } if file == path), "{error}");

        // Room again: neither a further call nor the end of the writer adds anything.
        disk.make_room();
        let bytes = disk.bytes();
        prop_assert!(writer.flush().is_err());
        prop_assert!(writer.finish().is_err());
        prop_assert_eq!(&disk.bytes(), &bytes);

        let folder = Folder::new();
        let copy = folder.file("full.capture.gz");
        std::fs::write(&copy, &bytes).expect("written");
        let (frames, fault) = read(&copy).expect("its header was flushed");
        prop_assert!(frames.len() >= flushed, "{} of {flushed}", frames.len());
        prop_assert!(matches!(fault, Some(TapeError::Truncated { .. })), "{fault:?}");
        prop_assert!(frames.iter().zip(0..).all(|(got, n)| *got == frame(n)));
    }
}

#[test]
fn a_full_disk_is_told_at_the_start_and_names_the_file() {
    if !Path::new("/dev/full").exists() {
        // Elsewhere the property above says the same of a disk in memory.
        return;
    }
    let create: Create = Box::new(|path| Ok(Box::new(std::fs::File::options().write(true).open(path)?)));
    let outcome = CaptureWriter::with(Path::new("/dev/full"), &venue(), Rotation::default(), create);
    let error = outcome.err().expect("it is full");
    assert!(
        matches!(&error, TapeError::Write { source, .. } if source.kind() == ErrorKind::StorageFull),
        "{error}"
    );
    assert!(error.to_string().contains("`/dev/full`"), "{error}");
}
