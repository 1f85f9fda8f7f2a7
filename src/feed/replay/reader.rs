//! Reads a capture ahead on a blocking thread: the runtime neither waits for a disk nor inflates.

use std::path::PathBuf;

use tokio::sync::mpsc;

use crate::market::Ts;
use crate::tape::{CaptureReader, TapeError};

/// A chunk is handed over at this size or above: 256 KiB are some 1,500 usual frames.
const CHUNK_BYTES: usize = 256 << 10;

/// Chunks read ahead. With the two at work at most 1.3 MB, plus as many of the longest lines.
const CHUNKS_AHEAD: usize = 3;

/// Some records of a capture, in their order.
#[derive(Debug, Default)]
pub(super) struct Chunk {
    bytes: Vec<u8>,
    /// Receive time and the end of each frame in `bytes`.
    records: Vec<(Ts, usize)>,
}

impl Chunk {
    fn push(&mut self, ts_recv: Ts, frame: &[u8]) {
        self.bytes.extend_from_slice(frame);
        self.records.push((ts_recv, self.bytes.len()));
    }

    /// Receive times and frames.
    pub(super) fn iter(&self) -> impl Iterator<Item = (Ts, &[u8])> {
        let mut start = 0;
        self.records.iter().map(move |(ts_recv, end)| {
            let frame = &self.bytes[start..*end];
            start = *end;
            (*ts_recv, frame)
        })
    }
}

/// Starts reading a file. All chunks before a fault come first, then the fault; a clean end is the end of the channel.
///
/// The thread ends soon after the receiver is dropped.
pub(super) fn read_ahead(path: PathBuf) -> mpsc::Receiver<Result<Chunk, TapeError>> {
    let (sender, receiver) = mpsc::channel(CHUNKS_AHEAD);
    tokio::task::spawn_blocking(move || {
        if let Err(error) = read(&path, &sender) {
            // The receiver is gone only where nobody wants to know.
            let _ = sender.blocking_send(Err(error));
        }
    });
    receiver
}

fn read(path: &std::path::Path, sender: &mpsc::Sender<Result<Chunk, TapeError>>) -> Result<(), TapeError> {
    let mut reader = CaptureReader::open(path)?;
    loop {
        let mut chunk = Chunk::default();
        let outcome = fill(&mut reader, &mut chunk);
        let is_last = !matches!(outcome, Ok(true));
        if !chunk.records.is_empty() && sender.blocking_send(Ok(chunk)).is_err() {
            return Ok(());
        }
        if is_last {
            return outcome.map(|_| ());
        }
    }
}

/// Reads on until the chunk is full; `false` at the end of the file.
fn fill(reader: &mut CaptureReader, chunk: &mut Chunk) -> Result<bool, TapeError> {
    while chunk.bytes.len() < CHUNK_BYTES {
        match reader.next_record()? {
            Some(record) => chunk.push(record.ts_recv, record.frame),
            None => return Ok(false),
        }
    }
    Ok(true)
}
