//! Where a replay is, as a bar on stderr; nothing where stderr is no terminal.

use indicatif::{ProgressBar, ProgressStyle};
use tokio_util::sync::CancellationToken;

use super::super::bars;
use crate::control::{ReplayRemote, ReplayState, ReplayStatus, Speed};

/// The bar's whole: thousandths.
const WHOLE: u64 = 1_000;

/// Shows the bar until `stop` or until the replay is gone.
pub(super) async fn show(mut remote: ReplayRemote, stop: CancellationToken) {
    let bar = bars::bars().add(ProgressBar::new(WHOLE));
    if let Ok(style) = ProgressStyle::with_template("{bar:40} {msg}") {
        bar.set_style(style);
    }
    loop {
        let status = remote.status();
        bar.set_position((status.progress() * WHOLE as f64) as u64);
        bar.set_message(words(&status));
        tokio::select! {
            () = stop.cancelled() => break,
            is_there = remote.changed() => if !is_there {
                break;
            },
        }
    }
    bar.finish_and_clear();
}

fn words(status: &ReplayStatus) -> String {
    let speed = match (status.state, status.speed) {
        (ReplayState::Playing, Speed::Max) => "max".to_owned(),
        (ReplayState::Playing, Speed::Times(times)) => format!("{times}x"),
        (state, _) => state.word().to_owned(),
    };
    let pass = if status.pass > 1 {
        format!(" pass {}", status.pass)
    } else {
        String::new()
    };
    let time = status.position.to_rfc3339();
    format!(
        "{time} {:.1} % {speed}{pass}, {} updates",
        status.progress() * 100.0,
        status.updates
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::market::Ts;
    use crate::store::Epoch;

    #[test]
    fn the_bar_says_when_how_far_and_how_fast() {
        let status = ReplayStatus {
            state: ReplayState::Playing,
            speed: Speed::Times(2.5),
            first: Ts(0),
            last: Ts(4_000_000_000),
            position: Ts(1_500_000_000),
            pass: 1,
            updates: 7,
            epoch: Epoch::new(1).expect("an epoch"),
        };
        assert_eq!(words(&status), "1970-01-01T00:00:01.5Z 37.5 % 2.5x, 7 updates");
        let status = ReplayStatus {
            state: ReplayState::Paused,
            pass: 2,
            ..status
        };
        assert_eq!(words(&status), "1970-01-01T00:00:01.5Z 37.5 % paused pass 2, 7 updates");
    }
}
