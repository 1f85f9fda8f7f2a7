//! A socket that takes what the test lets it take, and the frames that came out of it.

use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::fanout::Socket;

/// When something was written: the turn, its beat, and the table's seq in it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct When {
    pub(super) turn: u64,
    pub(super) beat: u64,
    pub(super) seq: u64,
}

/// What the test sees of a socket.
#[derive(Debug, Default)]
pub(super) struct Wire {
    pub(super) bytes: Vec<u8>,
    /// Bytes that it still takes; absent where it takes all.
    pub(super) room: Option<usize>,
    /// Calls that it still takes, each whole; absent where that does not matter.
    pub(super) calls_left: Option<usize>,
    pub(super) is_broken: bool,
    pub(super) is_aborted: bool,
    pub(super) calls: usize,
    pub(super) now: When,
    /// Where the bytes of each call ended, and when.
    marks: Vec<(usize, When)>,
    /// Up to here frames were read.
    read: usize,
}

impl Wire {
    fn when(&self, at: usize) -> When {
        self.marks[self.marks.partition_point(|(end, _)| *end <= at)].1
    }

    /// The next whole frame, if it is there.
    pub(super) fn next_frame(&mut self) -> Option<Frame> {
        let left = &self.bytes[self.read..];
        let (long, head) = match left.get(1)? {
            126 => (left.get(2..4)?, 4),
            127 => (left.get(2..10)?, 10),
            _ => (left.get(1..2)?, 2),
        };
        let len = long.iter().fold(0usize, |len, byte| len << 8 | usize::from(*byte));
        let payload = left.get(head..head + len)?.to_vec();
        let frame = Frame {
            opcode: left[0],
            payload,
            begun: self.when(self.read),
            done: self.when(self.read + head + len - 1),
        };
        self.read += head + len;
        Some(frame)
    }

    /// Whether a frame is there in part.
    pub(super) fn is_mid_frame(&self) -> bool {
        self.read < self.bytes.len()
    }
}

/// A whole WebSocket frame.
#[derive(Debug)]
pub(super) struct Frame {
    pub(super) opcode: u8,
    pub(super) payload: Vec<u8>,
    pub(super) begun: When,
    pub(super) done: When,
}

/// The socket.
#[derive(Clone, Debug, Default)]
pub(super) struct FakeSocket(Arc<Mutex<Wire>>);

impl FakeSocket {
    pub(super) fn wire(&self) -> MutexGuard<'_, Wire> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Socket for FakeSocket {
    fn send(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let mut wire = self.wire();
        wire.calls += 1;
        assert!(!wire.is_aborted, "a write after the end");
        if wire.is_broken {
            return Err(io::ErrorKind::BrokenPipe.into());
        }
        let taken = wire.room.map_or(bytes.len(), |room| room.min(bytes.len()));
        if taken == 0 || wire.calls_left == Some(0) {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        wire.room = wire.room.map(|room| room - taken);
        wire.calls_left = wire.calls_left.map(|calls| calls - 1);
        wire.bytes.extend_from_slice(&bytes[..taken]);
        let mark = (wire.bytes.len(), wire.now);
        wire.marks.push(mark);
        Ok(taken)
    }

    fn abort(&mut self) {
        self.wire().is_aborted = true;
    }
}
