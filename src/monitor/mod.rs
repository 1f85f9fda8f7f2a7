//! What can be seen from outside: metric names and handles in one place, the health of the beat, how a recording fares,
//! what the process uses.
//!
//! What counts does so by the `metrics` macros; [`Recorder`] brings it to Prometheus and, through [`Reader`], to this
//! process itself. Knows no other room; every room may count here.

pub mod catalogue;
mod health;
pub mod names;
mod panics;
pub mod process;
mod recorder;
mod recording;
mod spread;

pub use health::Health;
pub use panics::count_panics;
pub use recorder::{Reader, Readings, Recorder};
pub use recording::{Recording, RecordingState};
pub use spread::{Spans, Spread};
