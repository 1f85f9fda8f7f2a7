//! What can be seen from outside: metric names and handles in one place, and the health of the beat.
//!
//! Knows no other room; every room may count here.

mod health;
pub mod names;

pub use health::Health;
