//! One writer, without a thread.

use std::path::Path;
use std::time::Duration;

use proptest::prelude::*;

use super::*;

fn writer(path: &Path, rotation: Rotation) -> CaptureWriter {
    CaptureWriter::create(path, &venue(), rotation).expect("a new file")
}

fn write(writer: &mut CaptureWriter, (ts, bytes): &Frame) {
    let taken = writer.write(*ts, bytes).expect("the disk has room");
    assert_eq!(taken, Taken::Recorded);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn what_was_flushed_can_be_read_in_order_and_equal(
        frames in prop::collection::vec((0..i64::MAX, "(?s).{1,400}", prop::bool::weighted(0.2)), 0..40),
    ) {
        let folder = Folder::new();
        let path = folder.file("any.capture.gz");
        let mut writer = writer(&path, Rotation::default());
        let mut want = Vec::new();
        for (ts, text, is_flushed) in frames {
            let frame = (Ts(ts), text.into_bytes());
            write(&mut writer, &frame);
            want.push(recorded(&frame));
            if is_flushed {
                writer.flush().expect("the disk has room");
                // The file as a killed process would leave it.
                let (got, fault) = read(&path).expect("a capture");
                prop_assert_eq!(&got, &want);
                prop_assert!(matches!(fault, Some(TapeError::Truncated { .. })), "{fault:?}");
            }
        }
        let written = writer.finish().expect("the disk has room");
        let frame_bytes: usize = want.iter().map(|(_, frame)| frame.len()).sum();
        prop_assert_eq!((written.frames, written.frame_bytes), (want.len() as u64, frame_bytes as u64));
        prop_assert_eq!(written.file_bytes, path.metadata().expect("a file").len());
        prop_assert_eq!(read_whole(&path), want);
    }
}

#[test]
fn a_file_cut_at_any_byte_gives_what_was_flushed_before_and_never_a_wrong_frame() {
    let folder = Folder::new();
    let path = folder.file("cut.capture.gz");
    let mut writer = writer(&path, Rotation::default());
    let mut flushed = Vec::new();
    for n in 0..300 {
        write(&mut writer, &frame(n));
        if n % 60 == 59 {
            writer.flush().expect("the disk has room");
            flushed.push((n as usize + 1, writer.written().file_bytes as usize));
        }
    }
    let written = writer.finish().expect("the disk has room");
    let bytes = std::fs::read(&path).expect("the file");
    assert_eq!(bytes.len(), written.file_bytes as usize);
    let copy = folder.file("copy.capture.gz");
    // Every byte of the last part and of the beginning, and some between.
    let last_part = flushed[flushed.len() - 2].1;
    let cuts = (0..100)
        .chain((100..last_part).step_by(97))
        .chain(last_part..bytes.len());
    for cut in cuts {
        std::fs::write(&copy, &bytes[..cut]).expect("written");
        let sure = flushed.iter().rev().find(|(_, at)| *at <= cut).map_or(0, |(n, _)| *n);
        match read(&copy) {
            Ok((frames, fault)) => {
                assert!(frames.len() >= sure, "{} of {sure} at {cut}", frames.len());
                assert!(frames.iter().zip(0..).all(|(got, n)| *got == frame(n)), "{cut}");
                assert!(matches!(fault, Some(TapeError::Truncated { .. })), "{cut}: {fault:?}");
            }
            Err(error) => assert!(sure == 0 && cut < flushed[0].1, "{cut}: {error}"),
        }
    }
}

#[test]
fn what_cannot_be_a_record_is_refused_and_counted_and_the_rest_goes_on() {
    let folder = Folder::new();
    let path = folder.file("refused.capture.gz");
    let mut writer = writer(&path, Rotation::default());
    let longest = vec![b'x'; LINE_BYTES_MAX - "7 ".len()];
    let too_long = [longest.as_slice(), b"x"].concat();
    for (ts, bytes, want) in [
        (Ts(1), &b"{\n}\n"[..], Taken::Recorded),
        (Ts(2), b"\xff", Taken::Refused(Refusal::NotUtf8)),
        (Ts(3), b"", Taken::Refused(Refusal::Empty)),
        (Ts(-1), b"{}", Taken::Refused(Refusal::Before1970)),
        (Ts(7), &too_long, Taken::Refused(Refusal::TooLong)),
        (Ts(7), &longest, Taken::Recorded),
        (Ts(0), b"\n", Taken::Recorded),
    ] {
        assert_eq!(writer.write(ts, bytes).expect("the disk has room"), want, "{ts:?}");
    }
    let written = writer.finish().expect("the disk has room");
    assert_eq!((written.frames, written.refused, written.files), (3, 4, 1));
    let want = [(Ts(1), b"{ } ".to_vec()), (Ts(7), longest), (Ts(0), b" ".to_vec())];
    assert!(read_whole(&path) == want);
}

#[test]
fn a_recording_of_nothing_is_a_capture_from_the_first_moment() {
    let folder = Folder::new();
    let path = folder.file("empty.capture.gz");
    let writer = writer(&path, Rotation::default());
    let (frames, fault) = read(&path).expect("its header can be read");
    assert!(frames.is_empty() && matches!(fault, Some(TapeError::Truncated { .. })));
    writer.finish().expect("the disk has room");
    assert!(read_whole(&path).is_empty());
}

#[test]
fn a_copy_of_a_recording_has_the_same_records() {
    let demo = Path::new(env!("CARGO_MANIFEST_DIR")).join("feeds/demo.capture.gz");
    let frames = read_whole(&demo);
    let folder = Folder::new();
    let path = folder.file("copy.capture.gz");
    let mut writer = writer(&path, Rotation::default());
    frames.iter().for_each(|frame| write(&mut writer, frame));
    writer.finish().expect("the disk has room");
    assert!(read_whole(&path) == frames);
}

/// The records of a rotation's files and the files' names, in order.
fn all(folder: &Folder) -> (Vec<Vec<Frame>>, Vec<String>) {
    let names = folder.names();
    (names.iter().map(|name| read_whole(&folder.file(name))).collect(), names)
}

#[test]
fn by_bytes_each_file_is_whole_and_of_the_size_and_together_they_are_everything() {
    const FILE_BYTES_MAX: u64 = 20_000;
    let folder = Folder::new();
    let rotation = Rotation {
        file_bytes_max: Some(FILE_BYTES_MAX),
        ..Rotation::default()
    };
    let mut writer = writer(&folder.file("x.capture.gz"), rotation);
    for n in 0..3_000 {
        write(&mut writer, &frame(n));
        if n % 10 == 0 {
            writer.flush().expect("the disk has room");
        }
    }
    let written = writer.finish().expect("the disk has room");
    let (files, names) = all(&folder);
    assert!(files.len() > 2 && files.len() as u64 == written.files, "{names:?}");
    assert_eq!(
        (names[0].as_str(), names[1].as_str()),
        ("x.0001.capture.gz", "x.0002.capture.gz")
    );
    assert_eq!(files.concat(), (0..3_000).map(frame).collect::<Vec<_>>());
    let sizes = names
        .iter()
        .map(|name| folder.file(name).metadata().expect("a file").len());
    let sizes: Vec<u64> = sizes.collect();
    assert_eq!(sizes.iter().sum::<u64>(), written.file_bytes);
    let (_, full) = sizes.split_last().expect("files");
    // Above the bound by what ten frames and the end of the stream take.
    assert!(
        full.iter()
            .all(|size| (FILE_BYTES_MAX..FILE_BYTES_MAX + 1_000).contains(size)),
        "{sizes:?}"
    );
}

#[test]
fn by_time_no_file_is_longer_and_none_is_empty() {
    let folder = Folder::new();
    let rotation = Rotation {
        span_max: Some(Duration::from_millis(10)),
        ..Rotation::default()
    };
    let mut writer = writer(&folder.file("x.capture.gz"), rotation);
    // A frame each millisecond, and a pause of many times the span.
    let frames: Vec<Frame> = (0..25).chain(1_000..1_005).map(frame).collect();
    frames.iter().for_each(|frame| write(&mut writer, frame));
    writer.finish().expect("the disk has room");
    let (files, _) = all(&folder);
    assert_eq!(files.iter().map(Vec::len).collect::<Vec<_>>(), [10, 10, 5, 5]);
    assert_eq!(files.concat(), frames);
}

/// The error of making a recording.
fn refused(path: &Path, rotation: Rotation) -> TapeError {
    let outcome = CaptureWriter::create(path, &venue(), rotation);
    outcome.err().expect("refused")
}

#[test]
fn a_file_that_is_there_is_named_and_left_alone_and_numbers_go_on_behind_those_that_are() {
    let folder = Folder::new();
    let is_on = Rotation {
        file_bytes_max: Some(1),
        ..Rotation::default()
    };
    for there in ["x.capture.gz", "x.0007.capture.gz"] {
        std::fs::write(folder.file(there), "precious").expect("written");
    }
    let error = refused(&folder.file("x.capture.gz"), Rotation::default());
    assert!(
        matches!(&error, TapeError::Exists { file } if *file == folder.file("x.capture.gz")),
        "{error}"
    );
    writer(&folder.file("x.capture.gz"), is_on)
        .finish()
        .expect("the disk has room");
    assert!(folder.file("x.0008.capture.gz").exists() && !folder.file("x.0001.capture.gz").exists());
    for there in ["x.capture.gz", "x.0007.capture.gz"] {
        assert_eq!(std::fs::read(folder.file(there)).expect("the file"), b"precious");
    }
    // Names that only look alike.
    for there in ["y.capture.gz", "y.1.capture.gz", "y.0001.gz", "yy.0001.capture.gz"] {
        std::fs::write(folder.file(there), "").expect("written");
    }
    writer(&folder.file("y.capture.gz"), is_on)
        .finish()
        .expect("the disk has room");
    assert!(folder.file("y.0001.capture.gz").exists());
}

#[test]
fn a_file_that_appears_in_the_middle_of_a_rotation_is_named_and_what_was_written_is_whole() {
    let folder = Folder::new();
    let rotation = Rotation {
        span_max: Some(Duration::from_millis(1)),
        ..Rotation::default()
    };
    let mut writer = writer(&folder.file("x.capture.gz"), rotation);
    std::fs::write(folder.file("x.0002.capture.gz"), "precious").expect("written");
    write(&mut writer, &frame(0));
    let (ts, bytes) = frame(1);
    let error = writer.write(ts, &bytes).expect_err("the name is taken");
    assert!(error.to_string().contains("x.0002.capture.gz"), "{error}");
    assert_eq!(read_whole(&folder.file("x.0001.capture.gz")), [frame(0)]);
    assert_eq!(
        std::fs::read(folder.file("x.0002.capture.gz")).expect("the file"),
        b"precious"
    );
}

#[test]
fn a_folder_that_is_not_there_is_named_with_the_file() {
    let path = Path::new("/nowhere/x.capture.gz");
    let is_on = Rotation {
        file_bytes_max: Some(1),
        ..Rotation::default()
    };
    for rotation in [Rotation::default(), is_on] {
        let error = refused(path, rotation);
        assert!(
            matches!(&error, TapeError::Create { file, .. } if file == path),
            "{error}"
        );
    }
}
