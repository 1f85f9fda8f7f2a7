//! Updates as lines of JSON, from standard input, a file, a FIFO or a TCP connection, and those pushed over HTTP.
//!
//! `source` brings bytes, `lines` cuts them, `line` reads one, `intake` makes events of it. The lines say which venues
//! they bring; a line that cannot be used is refused with its number, and the others go on.

mod error;
mod intake;
mod keys;
mod line;
mod lines;
mod push;
mod source;

use std::time::Duration;

use futures_util::FutureExt;
use tokio::time::Instant;

pub use error::LineError;
pub use line::{Line, parse};
pub use lines::{Lines, Numbered};
pub use push::push;

use super::watch::SILENCE_DEFAULT;
use super::{Feed, FeedClosed, FeedContext, FeedEnd, FeedError, FeedSpec, Outlet, Run, SpecError, Told};
use crate::market::{Ts, VenueName};
use intake::Intake;
use source::{Chunk, Input, Source};

/// Venues of one feed: four times those that there are.
pub const VENUES_MAX: usize = 64;

/// Instruments of one feed: 30 times what any venue lists; at about 400 B each it bounds a feed to 40 MB.
pub const INSTRUMENTS_MAX: usize = 100_000;

/// What its lines are counted under, unless its venue is renamed.
const KIND: &str = "ndjson";

/// Lines that came over a connection for so long were good: the waits between attempts start over.
const GOOD_SPAN: Duration = Duration::from_secs(10);

const KEYS: &[&str] = &["venue", "silence_ms"];

/// Makes the feed `ndjson:-`, `ndjson:PATH` or `ndjson:tcp://HOST:PORT`, each with `[?venue=..&silence_ms=..]`.
///
/// # Errors
/// Names the option at fault and what is allowed, or the file that is not there.
pub(super) fn build(spec: &FeedSpec, context: &FeedContext) -> Result<Vec<Box<dyn Feed>>, SpecError> {
    spec.check_keys(KEYS)?;
    let target = spec.target().ok_or_else(|| SpecError::NoTarget {
        kind: spec.kind().into(),
        target: "- (standard input), PATH or tcp://HOST:PORT",
    })?;
    let rename = spec.rename()?;
    let silence = spec.number("silence_ms", SILENCE_DEFAULT.as_millis() as u64, 100, 3_600_000)?;
    let input = Input::parse(target)?;
    if input == Input::Stdin {
        context.claims.take_stdin()?;
    }
    rename.iter().try_for_each(|venue| context.claims.take(venue))?;
    let counted_as = rename.clone().unwrap_or_else(|| named(KIND));
    let silence = Duration::from_millis(silence);
    Ok(vec![Box::new(Ndjson {
        input,
        intake: Intake::new(&counted_as, rename, &context.claims, silence),
    })])
}

/// A kind's name where a venue's is asked for.
fn named(kind: &'static str) -> VenueName {
    VenueName::parse(kind).expect("a kind is of a to z")
}

struct Ndjson {
    input: Input,
    intake: Intake,
}

impl Feed for Ndjson {
    fn venues(&self) -> &[VenueName] {
        self.intake.venues()
    }

    fn run<'a>(&'a mut self, out: &'a Outlet) -> Run<'a> {
        Box::pin(async move {
            let mut source = self.input.open().await?;
            let outcome = self.read(&mut source, out).await;
            // What came before a break is used.
            self.intake.flush(out).await?;
            outcome
        })
    }

    fn down<'a>(&'a mut self, reason: String, out: &'a Outlet) -> Told<'a> {
        Box::pin(async move {
            self.intake.down(&reason);
            self.intake.flush(out).await
        })
    }
}

impl Ndjson {
    async fn read(&mut self, source: &mut Source, out: &Outlet) -> Result<FeedEnd, FeedError> {
        let (mut lines, opened) = (Lines::default(), Instant::now());
        let (mut good, mut last): (Option<Instant>, _) = (None, Ts::now());
        loop {
            let next = match source.next().now_or_never() {
                Some(next) => next,
                None => self.wait(source, out).await,
            };
            let chunk = match next {
                Ok(Some(chunk)) => chunk,
                Ok(None) => break,
                Err(FeedError::Lost { cause, .. }) => {
                    // The beginning of a line that was cut is forgotten.
                    let was_good = good.is_some_and(|last| last - opened >= GOOD_SPAN);
                    return Err(FeedError::Lost { cause, was_good });
                }
                Err(error) => return Err(error),
            };
            if self.take(&mut lines, &chunk, out).await? {
                good = Some(Instant::now());
            }
            last = chunk.ts_recv;
        }
        if let Some((number, line)) = lines.finish() {
            // Counted and logged.
            let _ = self.intake.line(number, line, last);
        }
        let reason = "end of input".to_owned();
        Ok(FeedEnd { reason })
    }

    /// Nothing more is ready: hands over what came, and looks at the watch until more comes.
    async fn wait(&mut self, source: &mut Source, out: &Outlet) -> Result<Option<Chunk>, FeedError> {
        loop {
            self.intake.flush(out).await?;
            tokio::select! {
                next = source.next() => return next,
                () = tokio::time::sleep_until(self.intake.next_check()) => self.intake.check(),
            }
        }
    }

    /// Takes the lines that end within a chunk; says whether any was good.
    async fn take(&mut self, lines: &mut Lines, chunk: &Chunk, out: &Outlet) -> Result<bool, FeedClosed> {
        let mut rest = &chunk.bytes[..];
        let mut is_good = false;
        while let Some((number, line)) = lines.next(&mut rest) {
            // A line that is refused is counted and logged, and ends nothing.
            is_good |= self.intake.line(number, line, chunk.ts_recv).unwrap_or(false);
            if self.intake.is_full() {
                self.intake.flush(out).await?;
            }
        }
        Ok(is_good)
    }
}

#[cfg(test)]
mod tests;
