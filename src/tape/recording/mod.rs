//! Recording while it happens: queues that never make a feed wait, and the thread that owns the file.

mod events;
mod recorder;
mod tally;
#[cfg(test)]
mod tests;
mod waiting;
mod worker;

pub use events::{EventQueue, EventTap, event_queue};
pub use recorder::{TapeRecorder, TapeTotals};
pub(super) use tally::Tally;
pub(super) use worker::{Work, Worker};

use super::{Rotation, TapeError, bounds};
