//! What came over the next sockets before they are in use.

use tokio_tungstenite::tungstenite::Bytes;

use super::super::parse::FrameParser;
use crate::market::Ts;

/// Frames of the next sockets, kept while the old ones are still in use: to the parser they come after all of the old
/// ones, so that nothing seems to be missing while one connection runs ahead of the other.
#[derive(Default)]
pub(super) struct Early {
    /// Only tells data from answers.
    pub(super) parser: Option<Box<dyn FrameParser>>,
    pub(super) frames: Vec<(Ts, Bytes)>,
    pub(super) bytes: usize,
}
