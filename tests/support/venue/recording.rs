//! What a venue has to tell: the frames of a capture, those left out that the stand-in makes itself.

use std::path::Path;

use tokio_tungstenite::tungstenite::Utf8Bytes;

use super::super::captures;

/// A frame that is played to whoever subscribed to its stream.
#[derive(Clone, Debug)]
pub(crate) struct Frame {
    /// What a subscriber names to get it: Binance's stream name, elsewhere `channel:symbol` with the channel as it is
    /// subscribed (`level2:BTC-USD`, `matches:BTC-USD`, `book:BTC/USD`).
    pub(crate) stream: String,
    /// As it was received.
    pub(crate) text: Utf8Bytes,
}

impl Frame {
    pub(super) fn new(stream: String, text: String) -> Frame {
        let text = text.into();
        Frame { stream, text }
    }
}

/// The frames of a capture file without their times.
pub(super) fn lines(path: &Path) -> Vec<String> {
    let text = captures::text(path);
    let frames = text.lines().filter(|line| !line.starts_with('#'));
    let frame = |line: &str| line.split_once(' ').expect("a time and a frame").1.to_owned();
    frames.map(frame).collect()
}
