//! What any feeds say, to a tape.

use std::path::Path;

use tokio::sync::watch;

use super::feeds::{self, Recorded};
use super::{RecordError, Rotation, Until, VENUES, files, say};
use crate::feed::{self, Ending, FeedContext, FeedSpec};
use crate::tape::{EventTap, TapeRecorder, TapeTotals, event_queue};

/// Records feeds until something ends the recording, or they have all come to their end.
pub(super) async fn run(specs: &[String], file: &Path, rotation: Rotation, until: Until) -> Result<(), RecordError> {
    let (tap, queue) = event_queue();
    // A recording is interest enough.
    let (_interest, first_subscriber) = watch::channel(true);
    let feeds = build(specs, &FeedContext::new(first_subscriber), &tap)?;

    let recorder = TapeRecorder::start(queue, file, rotation)?;
    say(&format!("recording `{}` to `{}`", specs.join("`, `"), file.display()));
    let (totals, failed) = record(feeds, recorder, &until).await?;
    say(&summary(&totals));
    match failed {
        Some(reason) => Err(RecordError::Ended { reason }),
        None => Ok(()),
    }
}

/// Whatever can be refused is refused before there is a file.
fn build(specs: &[String], context: &FeedContext, tap: &EventTap) -> Result<Vec<Recorded>, RecordError> {
    if specs.is_empty() {
        return Err(RecordError::NoFeed);
    }
    let mut feeds = Vec::new();
    for text in specs {
        let spec = FeedSpec::parse(text)?;
        let can_wait = !VENUES.contains(&spec.kind());
        let built = feed::build(&spec, context)?;
        feeds.extend(built.into_iter().map(|feed| Recorded {
            feed,
            tap: Some(tap.clone()),
            can_wait,
        }));
    }
    Ok(feeds)
}

pub(super) fn summary(totals: &TapeTotals) -> String {
    let TapeTotals { written, dropped } = totals;
    format!(
        "recorded {} records, {} of them updates, in {} of {} bytes, {dropped} dropped in {} {}",
        written.records,
        written.updates,
        files(written.files),
        written.file_bytes,
        written.gaps,
        if written.gaps == 1 { "gap" } else { "gaps" },
    )
}

/// Runs the feeds until something ends the recording; with the totals comes a reason where all have ended by themselves
/// and one could not go on.
pub(super) async fn record(
    feeds: Vec<Recorded>,
    recorder: TapeRecorder,
    until: &Until,
) -> Result<(TapeTotals, Option<String>), RecordError> {
    let endings = feeds::run(feeds, || recorder.is_running(), until).await?;
    let failed = endings.into_iter().flatten().find_map(|ending| match ending {
        Ending::Failed(reason) => Some(reason),
        Ending::Ended(_) | Ending::Stopped => None,
    });
    // Joins a thread that waits for the disk.
    let totals = tokio::task::spawn_blocking(|| recorder.finish()).await??;
    Ok((totals, failed))
}
