//! What can be seen from outside: metric names and handles in one place, the health of the beat, and how a recording fares.
//!
//! Knows no other room; every room may count here.

mod health;
pub mod names;
mod recording;

pub use health::Health;
pub use recording::{Recording, RecordingState};
