//! What every venue's protocol has to answer.

use std::time::Duration;

use tokio_tungstenite::tungstenite::Utf8Bytes;

use super::connection::Conn;
use super::recording::Frame;

/// A venue's protocol: who gets what, and how requests are answered. No socket, no clock.
pub(super) trait Script: Send {
    /// A connection was opened.
    fn opened(&mut self, _conn: &mut Conn) {}

    /// Something came in, be it text, ping or pong.
    fn incoming(&mut self, _conn: &mut Conn) {}

    /// The subscriber sent a text.
    fn request(&mut self, conn: &mut Conn, text: &str);

    /// A frame is played: whatever the venue itself knows is now as of after it.
    fn advance(&mut self, _frame: &Frame) {}

    /// The frame that was just played, as this connection gets it; it is subscribed to its stream.
    fn render(&mut self, conn: &mut Conn, frame: &Frame) -> Option<Utf8Bytes>;

    /// A message as this connection gets it next, where messages have numbers.
    fn numbered(&self, _conn: &mut Conn, text: &str) -> Utf8Bytes {
        text.into()
    }

    /// It is time for a heartbeat, as after every such period.
    fn heartbeat(&mut self, _conn: &mut Conn, _every: Duration) {}

    /// From now on this symbol is refused.
    fn refuse(&mut self, symbol: &str);
}
