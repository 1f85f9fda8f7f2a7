//! `feeds/demo.tape` is what the project makes of its own capture: this test makes it anew and compares.
//!
//! To write it again after a meant change: `TICKWIRE_BLESS=1 cargo test --test demo_tape`.

mod support;

use std::path::Path;

use support::captures::demo;
use support::process::{directory, run};

#[test]
fn the_demo_tape_is_the_demo_capture_converted() {
    let (capture, made) = (demo(), directory().join("demo.tape"));
    let kept = capture.with_file_name("demo.tape");
    let text = |path: &Path| path.display().to_string();
    let ended = run(&["convert", &text(&capture), &text(&made)]);
    assert_eq!(ended.code, Some(0), "{}", ended.err);
    if std::env::var_os("TICKWIRE_BLESS").is_some() {
        // Renamed into place: other tests read it meanwhile.
        let new = kept.with_extension("new");
        std::fs::copy(&made, &new)
            .and_then(|_| std::fs::rename(&new, &kept))
            .expect("feeds/ is writable");
    }
    let read = |path: &Path| std::fs::read(path).unwrap_or_default();
    assert!(
        read(&made) == read(&kept),
        "feeds/demo.tape is not what its capture makes"
    );
}

#[test]
fn capture_and_tape_give_the_same_frames() {
    let frames = |name: &str| {
        let (out, recording) = (directory().join("frames.bin"), demo().with_file_name(name));
        let (out, recording) = (out.display().to_string(), recording.display().to_string());
        let ended = run(&[
            "replay",
            &recording,
            "--frames",
            &out,
            "--symbols",
            "*",
            "--encoding",
            "json",
        ]);
        assert_eq!(ended.code, Some(0), "{}", ended.err);
        // The epoch follows from the file, and stands in the snapshot; all else is the same.
        let mut bytes = std::fs::read(out).expect("frames");
        let first = u32::from_le_bytes(bytes[..4].try_into().expect("four bytes")) as usize + 4;
        bytes.drain(..first);
        bytes
    };
    assert!(frames("demo.capture.gz") == frames("demo.tape"));
}
