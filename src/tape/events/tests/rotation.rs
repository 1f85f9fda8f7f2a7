//! A recording of several files: each can be played alone, and together they are everything.

use std::time::Duration;

use super::*;

fn events(count: i64) -> Vec<(Ts, Event)> {
    let symbols = symbols();
    (0..count)
        .map(|n| {
            at(
                n * 1_000,
                price(&symbols[n as usize % symbols.len()], 0, n * 7_919 % 1_000),
            )
        })
        .collect()
}

fn check(rotation: Rotation, count: i64) -> Vec<usize> {
    let events = events(count);
    let folder = Folder::new();
    let mut writer = small(&folder.file("x.tape"), rotation);
    events
        .iter()
        .for_each(|(ts, event)| writer.write(*ts, event).expect("written"));
    let written = writer.finish().expect("finished");
    let names = folder.names();
    assert_eq!(written.files, names.len() as u64);
    let mut bytes = 0;
    let (mut all, mut image, mut newest, mut counts) = (Vec::new(), Image::default(), None, Vec::new());
    for (name, number) in names.iter().zip(1..) {
        assert_eq!(*name, format!("x.{number:04}.tape"));
        let mut reader = open(&folder.file(name));
        assert!(reader.info().has_index);
        assert_eq!(reader.image(), &image, "{name}");
        let (records, error) = read(&mut reader);
        assert!(error.is_none(), "{error:?}");
        image = play(&image, newest, &records);
        newest = newest.max(records.iter().map(|taped| taped.ts).max());
        counts.push(records.len());
        all.extend(records);
        bytes += reader.bytes();
        let venues: Vec<&str> = reader.info().venues.iter().map(VenueName::as_str).collect();
        assert_eq!(venues, ["v0", "v1", "$own"]);
    }
    assert_eq!(written.file_bytes, bytes);
    assert!(all == taped(&events));
    counts
}

#[test]
fn by_time_each_file_goes_on_from_the_one_before() {
    let rotation = Rotation {
        span_max: Some(Duration::from_micros(30)),
        ..Rotation::default()
    };
    assert_eq!(check(rotation, 100), [30, 30, 30, 10]);
}

#[test]
fn by_bytes_each_file_goes_on_from_the_one_before() {
    let rotation = Rotation {
        file_bytes_max: Some(2_000),
        ..Rotation::default()
    };
    let counts = check(rotation, 400);
    assert!(counts.len() > 3, "{counts:?}");
}

#[test]
fn a_file_that_is_there_is_named_and_left_alone_and_numbers_go_on_behind_those_that_are() {
    let folder = Folder::new();
    for there in ["x.tape", "x.0007.tape", "x.12.tape", "x.0099.capture.gz"] {
        std::fs::write(folder.file(there), "precious").expect("written");
    }
    let outcome = TapeWriter::create(&folder.file("x.tape"), Rotation::default());
    let error = outcome.err().expect("refused");
    assert!(
        matches!(&error, TapeError::Exists { file } if *file == folder.file("x.tape")),
        "{error}"
    );
    let is_on = Rotation {
        file_bytes_max: Some(1),
        ..Rotation::default()
    };
    let mut writer = small(&folder.file("x.tape"), is_on);
    events(100)
        .iter()
        .for_each(|(ts, event)| writer.write(*ts, event).expect("written"));
    let files = writer.finish().expect("finished").files;
    assert!(files > 1);
    for number in 8..8 + files {
        let reader = open(&folder.file(&format!("x.{number:04}.tape")));
        assert!(reader.info().has_index);
    }
    for there in ["x.tape", "x.0007.tape", "x.12.tape", "x.0099.capture.gz"] {
        assert_eq!(std::fs::read(folder.file(there)).expect("the file"), b"precious");
    }
}
