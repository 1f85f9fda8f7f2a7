//! What the venue answers to requests.

use super::super::Batch;
use super::super::parse::{Answer, Heard, ParseError};
use super::Parser;
use super::messages::{Frame, Granted};

impl Parser {
    /// Takes the answer to a request.
    pub(super) fn answered(&mut self, m: &Frame<'_>, frame: &[u8], out: &mut Batch) -> Result<Heard, ParseError> {
        let mut answer = answer(m);
        if let Some(granted) = &m.result {
            if granted.warnings.is_some_and(|w| w.get() != "[]") {
                self.tally.notice("warning", frame);
            }
            if m.method.as_deref() == Some("subscribe")
                && let Err(error) = self.granted(granted, answer.as_mut(), out)
            {
                return Err(self.tally.refuse(error, frame));
            }
        }
        self.tally.passed_over();
        if m.error.is_some() {
            self.tally.notice("error", frame);
        }
        Ok(answer.map_or(Heard::Idle, |answer| Heard::Answers(vec![answer])))
    }

    /// Takes the depth of a book that the venue granted.
    fn granted(&mut self, m: &Granted<'_>, answer: Option<&mut Answer>, out: &mut Batch) -> Result<(), ParseError> {
        let (Some("book"), Some(name), Some(depth)) = (m.channel.as_deref(), m.symbol.as_deref(), m.depth) else {
            return Ok(());
        };
        let (instrument, _) = self.instrument("subscribe", name, out)?;
        instrument.own.has_book = true;
        if !instrument.own.book.set_depth(depth)
            && let Some(answer) = answer
        {
            answer.refused = Some(format!("{name}: a book of depth {depth} is more than is kept"));
        }
        Ok(())
    }
}

/// The answer that a message without a channel is; `None` where it is none: `pong`, or an error that names no request.
///
/// The venue gives a request's number back in each of its answers, of which there is one a symbol. Where a recording's
/// requests had none, channel and symbol are the key.
fn answer(m: &Frame<'_>) -> Option<Answer> {
    if !matches!(m.method.as_deref(), Some("subscribe" | "unsubscribe")) {
        return None;
    }
    let granted = m.result.as_ref();
    let channel = granted.and_then(|g| g.channel.as_deref());
    let symbol = granted.and_then(|g| g.symbol.as_deref()).or(m.symbol.as_deref());
    let key = match m.request {
        Some(number) => number.get().to_owned(),
        None => format!("{}/{}", channel.unwrap_or_default(), symbol.unwrap_or_default()),
    };
    let refused = m.error.as_deref().map(|why| match symbol {
        // The venue's words mostly name it, but not always.
        Some(symbol) if !why.contains(symbol) => format!("{why}: {symbol}"),
        _ => why.to_owned(),
    });
    Some(Answer { key, refused })
}
