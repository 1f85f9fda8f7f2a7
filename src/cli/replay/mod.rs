//! `tickwire replay`: recordings served as if they were live, and driven while they play.

mod args;
mod bar;
mod frames;
mod keys;

use std::fs::File;
use std::io::{self, BufWriter, ErrorKind};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use tokio::sync::watch;
use tokio::task::JoinError;
use tokio_util::sync::CancellationToken;

use super::auth::AuthSettings;
use super::log;
use super::serve::{self, Behind, ServeError};
use super::serve_args::ServeArgs;
use super::settings::{SettingError, Settings};
use crate::control::{Fault, replay_remote};
use crate::engine::{Clock, Lockstep};
use crate::feed::{FeedContext, Replay, ReplayClock, ReplayOptions, SpecError};
use crate::market::Ts;
use crate::server::{Controls, SocketFaults};
use crate::tape::TapeError;
pub(super) use args::ReplayArgs;
use args::{ClockName, FramesArgs};
use frames::{Frames, FramesError, Subscriber};

/// Batches that the replay may be ahead of the beat: few, so that what it is told holds soon.
const BATCHES_QUEUED_MAX: usize = 8;

/// Why a replay was not played, or did not come to its end.
#[derive(Debug, thiserror::Error)]
pub(super) enum ReplayError {
    #[error(transparent)]
    Setting(#[from] SettingError),
    #[error(transparent)]
    Recording(#[from] SpecError),
    #[error(transparent)]
    Serve(#[from] ServeError),
    #[error("`{}` cannot be made: {source}", file.display())]
    Create { file: PathBuf, source: io::Error },
    #[error("`{}` is there already: nothing is overwritten", file.display())]
    Exists { file: PathBuf },
    #[error(transparent)]
    Frames(#[from] FramesError<TapeError>),
    #[error("internal error: {0}")]
    Died(#[from] JoinError),
}

impl ReplayError {
    /// Whether the user has to write something else; else a file or the machine is at fault.
    pub(super) fn is_usage(&self) -> bool {
        match self {
            ReplayError::Setting(error) => error.is_usage(),
            ReplayError::Recording(error) => error.is_usage(),
            ReplayError::Serve(error) => error.is_usage(),
            _ => false,
        }
    }
}

/// Plays until `stop`, or writes the frames.
///
/// # Errors
/// The recordings cannot be played, the service cannot be put together, or the output fails.
pub(super) async fn run(args: ReplayArgs, stop: CancellationToken) -> Result<(), ReplayError> {
    let options = options(&args);
    let ReplayArgs {
        frames, service, fault, ..
    } = args;
    let mut settings = Settings::collect(ServeArgs {
        service,
        ..ServeArgs::default()
    })?;
    settings.server.socket_faults = socket_faults(&fault);
    log::start(settings.log_level, settings.log_format);
    // Frames are those by the recordings' clock.
    let clock = if frames.frames.is_some() {
        ReplayClock::Tape
    } else {
        options.clock
    };
    let options = ReplayOptions { clock, ..options };
    // Files are read through, which may take a while.
    let replay = tokio::task::spawn_blocking(|| Replay::open(options)).await??;
    match &frames.frames {
        Some(out) => {
            let out = out.clone();
            let written = tokio::task::spawn_blocking(move || write_frames(replay, &settings, frames, &out)).await??;
            let Frames {
                messages,
                bytes,
                sha256,
            } = written;
            tracing::info!(messages, bytes, "frames written");
            serve::say(&sha256).map_err(ServeError::Stdout)?;
            Ok(())
        }
        None => Ok(serve_replay(replay, clock, settings, stop).await?),
    }
}

fn options(args: &ReplayArgs) -> ReplayOptions {
    ReplayOptions {
        files: args.files.clone(),
        salvage: args.salvage,
        clock: match args.clock {
            ClockName::Wall => ReplayClock::Wall,
            ClockName::Tape => ReplayClock::Tape,
        },
        speed: args.speed,
        from: args.from,
        to: args.to,
        is_loop: args.is_loop,
        max_gap: args.max_gap,
        is_paused: args.paused,
        starts_at_first_subscriber: args.wait,
        faults: args.fault.clone(),
        fault_seed: args.fault_seed,
    }
}

fn socket_faults(faults: &[Fault]) -> SocketFaults {
    let mut socket = SocketFaults::default();
    for fault in faults {
        match fault {
            Fault::SlowSocket(bytes) => socket.bytes_per_second = Some(*bytes),
            Fault::DisconnectEvery(after) => socket.disconnect_after = Some(*after),
            _ => {}
        }
    }
    socket
}

async fn serve_replay(
    replay: Replay,
    clock: ReplayClock,
    settings: Settings,
    stop: CancellationToken,
) -> Result<(), ReplayError> {
    let policy = settings
        .auth
        .as_ref()
        .map(AuthSettings::policy)
        .transpose()
        .map_err(ServeError::from)?;
    let metrics = serve::install_metrics();
    let (first_subscribe, first_subscriber) = watch::channel(false);
    let status = replay.status();
    let (remote, desk) = replay_remote(status);
    let feed = replay.into_feed(&FeedContext::new(first_subscriber), desk)?;
    let behind = Behind {
        feeds: vec![feed],
        controls: Controls {
            is_allowed: settings.allow_control,
            pushes: None,
            replay: Some(remote.clone()),
        },
        policy,
        state: None,
        clock: engine_clock(clock, &settings, status.first),
        epoch: status.epoch,
        batches_max: BATCHES_QUEUED_MAX,
        record: None,
        first_subscribe,
        metrics,
        reload: None,
    };
    let driving = stop.child_token();
    let shown = tokio::spawn(bar::show(remote.clone(), driving.clone()));
    let driven = tokio::spawn(keys::drive(remote, stop.clone()));
    let served = serve::serve(settings, behind, stop.clone()).await;
    // The terminal is as before when the process ends, whatever ended it.
    stop.cancel();
    driving.cancel();
    let _ = tokio::join!(shown, driven);
    Ok(served?)
}

fn engine_clock(clock: ReplayClock, settings: &Settings, start: Ts) -> Clock {
    match clock {
        ReplayClock::Wall => Clock::Wall,
        ReplayClock::Tape => Clock::Tape {
            start,
            patience: settings.slow_consumer(),
            lockstep: Arc::new(Lockstep::new(settings.shards)),
        },
    }
}

fn write_frames(replay: Replay, settings: &Settings, args: FramesArgs, out: &Path) -> Result<Frames, ReplayError> {
    let status = replay.status();
    let config = settings.fanout(status.epoch, engine_clock(ReplayClock::Tape, settings, status.first));
    let inflows = replay.into_inflows()?;
    let create = |source| ReplayError::Create {
        file: out.to_owned(),
        source,
    };
    let file = File::create_new(out).map_err(|source| match source.kind() {
        ErrorKind::AlreadyExists => ReplayError::Exists { file: out.to_owned() },
        _ => create(source),
    })?;
    let subscriber = Subscriber {
        symbols: args.symbols,
        encoding: args.encoding,
        compression: args.compression,
    };
    let written = frames::write(
        inflows,
        config,
        settings.instruments_max,
        subscriber,
        BufWriter::new(file),
    );
    // Half of the frames would look like all of them.
    Ok(written.inspect_err(|_| drop(std::fs::remove_file(out)))?)
}
