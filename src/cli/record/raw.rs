//! The frames of one venue's connection, to a raw capture.

use std::path::Path;

use tokio::sync::watch;

use super::feeds::{self, Recorded};
use super::{RecordError, Rotation, Until, VENUES, files, say};
use crate::feed::{self, Ending, Feed, FeedContext, FeedSpec};
use crate::market::VenueName;
use crate::tape::{Recorder, Totals, frame_queue};

/// Records one feed.
pub(super) async fn run(specs: &[String], file: &Path, rotation: Rotation, until: Until) -> Result<(), RecordError> {
    // Whatever can be refused is refused before there is a file.
    let [text] = specs else {
        return Err(RecordError::NotOne(specs.len()));
    };
    let spec = FeedSpec::parse(text)?;
    // A recording is interest enough.
    let (_interest, first_subscriber) = watch::channel(true);
    let mut context = FeedContext::new(first_subscriber);
    if !VENUES.contains(&spec.kind()) {
        // A kind that there is not, or that is asked for wrongly, is told as everywhere.
        feed::build(&spec, &context)?;
        let kind = spec.kind().to_owned();
        return Err(RecordError::NoFrames { kind });
    }
    let (tap, queue) = frame_queue(&VenueName::parse(spec.kind())?);
    context.tap = Some(tap);
    let feeds = feed::build(&spec, &context)?;
    if feeds.len() > 1 {
        return Err(RecordError::TooMany(feeds.len()));
    }

    let recorder = Recorder::start(queue, file, rotation)?;
    say(&format!("recording `{text}` to `{}`", file.display()));
    let (totals, ended) = record(feeds, recorder, &until).await?;
    say(&summary(&totals));
    match ended {
        Some(reason) => Err(RecordError::Ended { reason }),
        None => Ok(()),
    }
}

pub(super) fn summary(totals: &Totals) -> String {
    let Totals { written, dropped } = totals;
    format!(
        "recorded {} frames of {} bytes in {} of {} bytes, {dropped} dropped, {} refused",
        written.frames,
        written.frame_bytes,
        files(written.files),
        written.file_bytes,
        written.refused
    )
}

/// Runs the feeds until something ends the recording; with the totals comes the reason where the feeds ended by
/// themselves: no venue's connection has an end.
pub(super) async fn record(
    feeds: Vec<Box<dyn Feed>>,
    recorder: Recorder,
    until: &Until,
) -> Result<(Totals, Option<String>), RecordError> {
    let feeds = feeds.into_iter().map(|feed| Recorded {
        feed,
        tap: None,
        can_wait: false,
    });
    let endings = feeds::run(feeds.collect(), || recorder.is_running(), until).await?;
    let reason = endings.into_iter().flatten().find_map(|ending| match ending {
        Ending::Ended(reason) | Ending::Failed(reason) => Some(reason),
        Ending::Stopped => None,
    });
    // Joins a thread that waits for the disk.
    let totals = tokio::task::spawn_blocking(|| recorder.finish()).await??;
    Ok((totals, reason))
}
