//! The kinds of messages, and the wrapper of combined streams: its usual layout tells the kind at a glance.

/// A kind of message that means something here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    BookTicker,
    Trade,
    AggTrade,
    Ticker,
    MiniTicker,
    Depth,
}

impl Kind {
    /// What `e` says, where it is there at all.
    pub(super) const fn word(self) -> &'static str {
        match self {
            Kind::BookTicker => "bookTicker",
            Kind::Trade => "trade",
            Kind::AggTrade => "aggTrade",
            Kind::Ticker => "24hrTicker",
            Kind::MiniTicker => "24hrMiniTicker",
            Kind::Depth => "depthUpdate",
        }
    }

    /// The kind with this `e`.
    pub(super) fn of_event(event: &str) -> Option<Kind> {
        const ALL: [Kind; 6] = [
            Kind::BookTicker,
            Kind::Trade,
            Kind::AggTrade,
            Kind::Ticker,
            Kind::MiniTicker,
            Kind::Depth,
        ];
        ALL.into_iter().find(|kind| kind.word() == event)
    }

    fn of_stream(name: &str) -> Option<Kind> {
        match name.split_once('@').map_or(name, |(_, kind)| kind) {
            "bookTicker" | "!bookTicker" => Some(Kind::BookTicker),
            "trade" => Some(Kind::Trade),
            "aggTrade" => Some(Kind::AggTrade),
            "ticker" => Some(Kind::Ticker),
            "miniTicker" => Some(Kind::MiniTicker),
            "depth" | "depth@100ms" | "depth@0ms" => Some(Kind::Depth),
            _ => None,
        }
    }
}

/// Takes `{"stream":"NAME","data":MESSAGE}` apart, laid out as the venue does it, where the name tells the kind.
///
/// Only a guess, for speed: the message has still to be read as one of this kind. `None` says nothing of a frame.
pub(super) fn glance(frame: &str) -> Option<(Kind, &str)> {
    let rest = frame.strip_prefix(r#"{"stream":""#)?;
    // An escaped name or one with a control character is not for a glance.
    let end = rest.bytes().position(|b| matches!(b, b'"' | b'\\' | ..b' '))?;
    let (name, rest) = rest.split_at(end);
    let message = rest.strip_prefix(r#"","data":"#)?.strip_suffix('}')?;
    Some((Kind::of_stream(name)?, message))
}
