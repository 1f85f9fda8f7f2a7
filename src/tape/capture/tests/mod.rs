//! What is recorded can be read, whatever happens to process and disk.

mod disk;
mod recorder;
mod writer;

use std::path::Path;

use super::*;
use crate::market::{Ts, VenueName};
use crate::tape::tests::Folder;

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
