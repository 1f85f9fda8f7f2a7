//! Captures of one recorder are one recording.

use super::*;

/// Splits a capture after so many lines into the files of a rotation.
fn split(name: &str, text: &str, lines: usize) -> [Recording; 2] {
    let header = text.lines().next().expect("a header");
    let half = |lines: Vec<&str>| lines.join("\n") + "\n";
    let first = half(text.lines().take(lines).collect());
    let second = half([header].into_iter().chain(text.lines().skip(lines)).collect());
    [
        Recording::new(&format!("{name}.0001.capture.gz"), first.as_bytes()),
        Recording::new(&format!("{name}.0002.capture.gz"), second.as_bytes()),
    ]
}

#[test]
fn captures_of_one_recorder_play_as_one() {
    let file = "kraken/v2_book_btcusd_d25_20260802.capture.gz";
    let Some(path) = captures::path(file) else { return };
    let mut text = String::new();
    let input = std::fs::File::open(&path).expect("a capture");
    std::io::Read::read_to_string(&mut flate2::read::MultiGzDecoder::new(input), &mut text).expect("text");
    let text: String = text.lines().take(3_000).map(|line| format!("{line}\n")).collect();
    let whole = Recording::new("rotated-whole", text.as_bytes());
    let [one, two] = split("rotated", &text, 1_700);
    let words = |files: &[&Path]| {
        steps(&plan(files), None)
            .iter()
            .map(|step| format!("{step:?}"))
            .collect::<Vec<_>>()
    };
    let want = words(&[&whole.0]);
    assert!(want.len() > 3_000);
    // A parser that began in the middle would not know the book.
    assert!(want == words(&[&one.0, &two.0]));
    assert!(want == words(&[&two.0, &one.0]));
    // Other names, other recordings: nothing is known of the one before.
    let other = Recording::new("rotated-other", std::fs::read(&two.0).expect("a file").as_slice());
    assert!(want != words(&[&one.0, &other.0]));
}

#[test]
fn a_fault_in_one_of_several_files_comes_after_what_was_before_and_ends_it() {
    let text = capture("binance", &[(1_000, 1), (1_001, 1), (1_500, 1), (1_600, 1)]);
    let [one, two] = split("broken", &text, 3);
    std::fs::write(&one.0, std::fs::read_to_string(&one.0).expect("a file") + "no record\n").expect("a file");
    let mut timeline = Timeline::open(&plan(&[&one.0, &two.0]), None, 0).expect("a timeline");
    let (mut updates, mut beats) = (0, Vec::new());
    let error = loop {
        match timeline.next() {
            Ok(Some(step)) => match step.what {
                What::Event(Event::Update(_)) => updates += 1,
                What::Beat => beats.push(step.at.0 / 1_000_000),
                _ => {}
            },
            Ok(None) => panic!("a fault was to be told"),
            Err(error) => break error.to_string(),
        }
    };
    assert_eq!((updates, beats), (2, vec![1_000, 1_010]));
    assert!(error.contains("broken.0001") && error.contains("line 4"), "{error}");
    assert!(matches!(timeline.next(), Ok(None)), "once");
}

#[test]
fn the_last_times_there_are_end_too() {
    let text = format!(
        "{}{} {{\"u\":9,\"s\":\"X\",\"b\":\"1\",\"B\":\"1\",\"a\":\"2\",\"A\":\"2\"}}\n",
        capture("binance", &[(1_000, 1)]),
        i64::MAX
    );
    let recording = Recording::new("last-times", text.as_bytes());
    let steps = steps(&plan(&[&recording.0]), None);
    let updates = steps
        .iter()
        .filter(|step| matches!(step.what, What::Event(Event::Update(_))))
        .count();
    assert_eq!(updates, 2);
}
