//! What is recorded can be read, whatever happens to process and disk.

mod disk;
mod recorder;
mod writer;

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};

use super::*;
use crate::market::{Ts, VenueName};

/// An empty folder, removed at the end.
struct Folder(PathBuf);

impl Folder {
    fn new() -> Folder {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let name = format!("tickwire-tape-{}-{}", std::process::id(), NEXT.fetch_add(1, Relaxed));
        let path = std::env::temp_dir().join(name);
        std::fs::create_dir_all(&path).expect("a folder for the test");
        Folder(path)
    }

    fn file(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }

    /// The names of its files, in order.
    fn names(&self) -> Vec<String> {
        let entries = self.0.read_dir().expect("the folder").map(|e| e.expect("an entry"));
        let mut names: Vec<_> = entries.map(|e| e.file_name().to_string_lossy().into_owned()).collect();
        names.sort();
        names
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

type Frame = (Ts, Vec<u8>);

fn venue() -> VenueName {
    VenueName::parse("binance").expect("a venue")
}

/// A usual frame; they differ, so that they do not compress to nothing.
fn frame(n: i64) -> Frame {
    let (bid, ask) = (
        n.wrapping_mul(0x9e37_79b9) % 100_000,
        n.wrapping_mul(0x85eb_ca6b) % 100_000,
    );
    let text = format!(r#"{{"u":{n},"s":"BTCUSDT","b":"{bid}.01","B":"1.5","a":"{ask}.02","A":"0.2"}}"#);
    (Ts(1_700_000_000_000_000_000 + n * 1_000_000), text.into_bytes())
}

/// The frame as a capture has it.
fn recorded((ts, frame): &Frame) -> Frame {
    (*ts, frame.iter().map(|b| if *b == b'\n' { b' ' } else { *b }).collect())
}

/// The records up to the end or the fault.
fn read(path: &Path) -> Result<(Vec<Frame>, Option<TapeError>), TapeError> {
    let mut reader = CaptureReader::open(path)?;
    assert_eq!(reader.venue(), &venue());
    let mut frames = Vec::new();
    loop {
        match reader.next_record() {
            Ok(Some(record)) => frames.push((record.ts_recv, record.frame.to_vec())),
            Ok(None) => return Ok((frames, None)),
            Err(error) => return Ok((frames, Some(error))),
        }
    }
}

/// The records of a whole file.
fn read_whole(path: &Path) -> Vec<Frame> {
    let (frames, fault) = read(path).expect("a capture");
    assert!(fault.is_none(), "{fault:?}");
    frames
}
