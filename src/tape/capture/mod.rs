//! Raw captures, `*.capture.gz`: the frames of a venue as they came, one a line.

mod file;
mod queue;
mod reader;
mod recorder;
#[cfg(test)]
mod tests;
mod writer;

pub use queue::{FrameQueue, FrameTap, frame_queue};
pub use reader::{CaptureReader, Record};
pub use recorder::{Recorder, Totals};
pub use writer::{CaptureWriter, Refusal, Taken, Written};

use super::{LINE_BYTES_MAX, Rotation, TapeError, bounds};
