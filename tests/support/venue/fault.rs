//! What goes wrong, on demand.

use std::time::Duration;

/// Something that a venue does to its subscribers, at a chosen frame or now.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Fault {
    /// Half of the frame's bytes, then the end of TCP.
    Cut,
    /// TCP reset, without a word before.
    Reset,
    /// A close frame with this code.
    Close(u16),
    /// No data and no snapshots any more; pings, pongs, acks and heartbeats go on.
    Silence,
    /// Nothing is read and nothing written any more; the socket stays open.
    Deaf,
    /// The frame is lost; numbers per connection go on as if it had been sent.
    Drop,
    /// The frame comes twice, with the same number.
    Repeat,
    /// The frame comes after the connection's next one.
    Swap,
    /// One digit of the frame's first size is another; checksums stay as they were.
    Corrupt,
    /// A shutdown is announced (Binance's `serverShutdown`); so much later the venue closes.
    Shutdown {
        /// From the announcement to the close.
        after: Duration,
    },
}

impl Fault {
    /// Whether it concerns one frame and leaves the connection as it is.
    pub(super) fn is_of_a_frame(self) -> bool {
        matches!(self, Fault::Drop | Fault::Repeat | Fault::Swap | Fault::Corrupt)
    }
}

/// What the next connection attempts meet instead of a venue.
#[derive(Clone, Copy, Debug)]
pub(super) enum Refusal {
    /// An answer to the upgrade, with `Retry-After` where there are seconds.
    Http { status: u16, retry_after_s: Option<u64> },
    /// TCP is closed at once.
    Tcp,
}

/// What stands before the first size of a frame, for each kind of frame.
const SIZES: [&str; 6] = [
    r#""qty":"#,
    r#""new_quantity":""#,
    r#""B":""#,
    r#""q":""#,
    r#""size":""#,
    r#""last_size":""#,
];

/// Changes the last digit of the frame's first size.
pub(super) fn corrupted(text: &str) -> String {
    let marked = SIZES
        .iter()
        .filter_map(|mark| text.find(mark).map(|at| at + mark.len()))
        .min();
    let end = match (marked, text.find("]]")) {
        (Some(start), _) => {
            start
                + text[start..]
                    .find(|c: char| !c.is_ascii_digit() && c != '.')
                    .unwrap_or(0)
        }
        // A list of [side, price, size]: the size ends before a quotation mark.
        (None, Some(end)) => end - 1,
        (None, None) => panic!("there is no size in {text}"),
    };
    let digit = text[..end]
        .chars()
        .next_back()
        .and_then(|c| c.to_digit(10))
        .expect("a size ends in a digit");
    format!("{}{}{}", &text[..end - 1], (digit + 1) % 10, &text[end..])
}
