//! Frames that many subscribers are to get in one turn, gathered to be written together.

use std::io;

use super::letter::{Letter, Send};
use super::ring::Ring;

/// What is to be written, and the means.
#[derive(Default)]
pub(super) struct Outgoing {
    pub(super) letters: Vec<Letter>,
    /// Frames side by side; those of one group may be in many letters.
    pub(super) frames: Vec<u8>,
    pub(super) ring: Option<Ring>,
    /// Kept for their memory.
    pub(super) sends: Vec<Send>,
    pub(super) taken: Vec<io::Result<usize>>,
}
