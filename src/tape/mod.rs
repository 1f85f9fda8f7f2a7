//! Recordings: raw captures of what a venue sent, and tapes of what feeds made of it; how they are made and read.
//!
//! Knows nothing of feeds or the server. Reading and writing are synchronous and bounded, whatever the size of the
//! recording, so that they can run on any blocking thread; a recorder is such a thread.

mod bounds;
mod capture;
mod error;
mod events;
mod recording;
mod rotation;
mod rows;
mod sink;
#[cfg(test)]
mod tests;

pub use bounds::LINE_BYTES_MAX;
pub use capture::{
    CaptureReader, CaptureWriter, FrameQueue, FrameTap, Record, Recorder, Refusal, Taken, Totals, Written, frame_queue,
};
pub use error::{BlockFault, TapeError};
pub use events::{
    Damage, FILE_MAGIC as TAPE_MAGIC, OnDamage, TapeInfo, TapeReader, TapeWriter, TapeWritten, Taped, What,
    decode_image_part, encode_image,
};
pub use recording::{EventQueue, EventTap, TapeRecorder, TapeTotals, event_queue};
pub use rotation::Rotation;
#[cfg(feature = "parquet")]
pub use rows::ParquetWriter;
pub use rows::{CsvReader, CsvWriter, NdjsonReader, NdjsonWriter, RowError, RowsError, Said, Text};
