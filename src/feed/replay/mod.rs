//! Plays a raw capture through the parser of its venue, as if the venue were sending.

mod captured;
mod parsers;
mod player;
mod reader;

use std::path::{Path, PathBuf};

use tokio::sync::watch;

use super::spec::listed;
use super::{Feed, FeedClosed, FeedContext, FeedEnd, FeedError, FeedSpec, Outlet, Run, SpecError, Told, tell_down};
use crate::market::{VenueName, VenueState};
use crate::tape::{CaptureReader, Speed};
pub use captured::{Captured, captured};
use parsers::{MakeParser, PARSERS};
use player::Player;

const KEYS: &[&str] = &["speed", "loop", "start", "venue"];

/// When a replay begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Start {
    Now,
    FirstSubscriber,
}

/// Makes the feed `replay:PATH[?speed=..&loop=..&start=..&venue=..]`. Opens the file to see that it is a capture.
///
/// # Errors
/// Names the option at fault and what is allowed, or the file and what is wrong with its beginning.
pub(super) fn build(spec: &FeedSpec, context: &FeedContext) -> Result<Vec<Box<dyn Feed>>, SpecError> {
    spec.check_keys(KEYS)?;
    let path = spec.target().ok_or_else(|| SpecError::NoTarget {
        kind: spec.kind().into(),
        target: "PATH",
    })?;
    let speed = spec.option("speed", Speed::Times(1.0), "a number from 0.1 to 1000 or `max`", speed)?;
    let is_loop = spec.option("loop", false, "`true` or `false`", |text| text.parse().ok())?;
    let start = spec.option("start", Start::Now, "`now` or `first_subscriber`", |text| match text {
        "now" => Some(Start::Now),
        "first_subscriber" => Some(Start::FirstSubscriber),
        _ => None,
    })?;
    let (recorded, make_parser) = look_into(Path::new(path))?;
    let venue = spec.venue(recorded.as_str())?;
    context.claims.take(&venue)?;
    Ok(vec![Box::new(Replay {
        path: path.into(),
        venues: [venue],
        speed,
        is_loop,
        start,
        first_subscriber: context.first_subscriber.clone(),
        make_parser,
    })])
}

fn speed(text: &str) -> Option<Speed> {
    match text {
        "max" => Some(Speed::Max),
        times => {
            let times = times.parse().ok().filter(|t| (0.1..=1000.0).contains(t))?;
            Some(Speed::Times(times))
        }
    }
}

/// The venue of a capture, and the parser of its frames.
fn look_into(path: &Path) -> Result<(VenueName, MakeParser), SpecError> {
    let venue = CaptureReader::open(path)?.venue().clone();
    match PARSERS.iter().find(|(name, _)| *name == venue.as_str()) {
        Some((_, make)) => Ok((venue, *make)),
        None => Err(SpecError::VenueUnsupported {
            file: path.into(),
            venue,
            supported: listed(PARSERS.iter().map(|(name, _)| *name)),
        }),
    }
}

struct Replay {
    path: PathBuf,
    venues: [VenueName; 1],
    speed: Speed,
    is_loop: bool,
    start: Start,
    first_subscriber: watch::Receiver<bool>,
    make_parser: MakeParser,
}

impl Feed for Replay {
    fn venues(&self) -> &[VenueName] {
        &self.venues
    }

    fn run<'a>(&'a mut self, out: &'a Outlet) -> Run<'a> {
        Box::pin(async move {
            if self.start == Start::FirstSubscriber {
                self.first_subscriber
                    .wait_for(|there| *there)
                    .await
                    .map_err(|_| FeedClosed)?;
            }
            let mut state = VenueState::Down;
            loop {
                let frames = self.pass(&mut state, out).await?;
                // Without a frame there is nothing to wait for, a loop would only spin.
                if !self.is_loop || frames == 0 {
                    return Ok(FeedEnd {
                        reason: "replay ended".into(),
                    });
                }
            }
        })
    }

    fn down<'a>(&'a mut self, reason: String, out: &'a Outlet) -> Told<'a> {
        Box::pin(tell_down(&self.venues[0], reason, out))
    }
}

impl Replay {
    /// Plays the file once with a new parser; returns how many frames it had.
    async fn pass(&self, state: &mut VenueState, out: &Outlet) -> Result<u64, FeedError> {
        let mut chunks = reader::read_ahead(self.path.clone());
        let parser = (self.make_parser)(self.venues[0].clone());
        let mut player = Player::new(parser, self.speed, &self.venues[0], state, out);
        let outcome = loop {
            match chunks.recv().await {
                Some(Ok(chunk)) => player.play(&chunk).await?,
                Some(Err(error)) => break Err(error.into()),
                None => break Ok(player.frames()),
            }
        };
        // What came before a fault is used.
        player.flush().await?;
        outcome
    }
}

#[cfg(test)]
mod tests;
