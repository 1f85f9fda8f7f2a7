//! `tickwire serve`, and the whole service put together, which a replay has behind it too.

use std::io::{self, Write};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use metrics_exporter_prometheus::{Matcher, PrometheusBuilder};
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::auth::{AuthFault, AuthSettings, EXPOSED, is_exposed};
use super::cores::{Cores, CoresError};
use super::log::{self, LogLevel};
use super::reload::Reloader;
use super::serve_args::ServeArgs;
use super::settings::Settings;
use crate::auth::{Authenticator, Policy};
use crate::control;
use crate::engine::{Beater, Clock, Demand, Engine, TICKS_QUEUED_MAX, tick_channel};
use crate::fanout::Fanout;
use crate::feed::{self, Feed, FeedContext, FeedSpec, SpecError};
use crate::market::Ts;
use crate::monitor::{Health, Reader, Recorder, catalogue, count_panics, names, process};
use crate::server::{self, App, Controls, Query, Tls, TlsError};
use crate::state::{Checkpoint, Folder, KEEPER_TICKS_MAX, Keeper, StateError, Timeline};
use crate::store::Epoch;
use crate::tape::{Rotation, TapeError, TapeRecorder, TapeTotals, event_queue};

/// Batches that feeds may have waiting for the beat: at 256 updates each, 60 MB at most and four beats of
/// six million updates a second.
const BATCHES_QUEUED_MAX: usize = 1_024;

/// Time for feeds to end; each does at its next wait, and a tape is not finished before.
const FEEDS_DEADLINE: Duration = Duration::from_millis(500);

/// Time between two clean-ups of what the metrics hold for their histograms.
const METRICS_UPKEEP: Duration = Duration::from_secs(5);

/// Why serving could not begin.
#[derive(Debug, thiserror::Error)]
pub(super) enum ServeError {
    #[error(transparent)]
    Feed(#[from] SpecError),
    #[error("cannot listen on `{addr}`: {source}")]
    Listen { addr: String, source: io::Error },
    #[error(transparent)]
    Auth(#[from] AuthFault),
    #[error("not started on {0}: {EXPOSED}")]
    Exposed(SocketAddr),
    #[error(transparent)]
    Record(#[from] TapeError),
    #[error(transparent)]
    State(#[from] StateError),
    #[error(transparent)]
    Tls(#[from] TlsError),
    #[error(transparent)]
    Cores(#[from] CoresError),
    #[error("a thread could not be started: {0}")]
    Thread(io::Error),
    #[error("SIGHUP cannot be received: {0}")]
    Signal(io::Error),
    #[error("standard output: {0}")]
    Stdout(io::Error),
    #[error("internal error: a thread of the service has ended, see the log")]
    Died,
}

impl ServeError {
    /// Whether the user has to write something else; else the machine failed.
    pub(super) fn is_usage(&self) -> bool {
        match self {
            ServeError::Feed(error) => error.is_usage(),
            ServeError::State(error) => error.is_usage(),
            ServeError::Tls(error) => error.is_usage(),
            ServeError::Auth(fault) => fault.error.is_usage(),
            ServeError::Exposed(_) => true,
            ServeError::Cores(error) => error.is_usage(),
            ServeError::Listen { source, .. } => source.kind() == io::ErrorKind::InvalidInput,
            _ => false,
        }
    }
}

/// `tickwire serve`: its feeds, and what this machine's programs push.
pub(super) async fn run(args: ServeArgs, settings: Settings, stop: CancellationToken) -> Result<(), ServeError> {
    // First of all: what counts takes its counters when it is made.
    let metrics = install_metrics();
    let level = log::start(settings.log_level, settings.log_format);
    // Whatever can be refused is refused before anything runs.
    let (first_subscribe, first_subscriber) = watch::channel(false);
    let context = FeedContext::new(first_subscriber);
    let mut feeds = build_feeds(&settings.feeds, &context)?;
    let policy = settings.auth.as_ref().map(AuthSettings::policy).transpose()?;
    // What programs push is a feed like any other.
    let may_publish = |policy: &Policy| policy.is_given(|entitlement| entitlement.may_publish);
    let pushes = policy.as_ref().map_or(settings.allow_control, may_publish).then(|| {
        let (sender, receiver) = control::push_channel();
        feeds.push(feed::push(&context, receiver));
        sender
    });
    let controls = Controls {
        is_allowed: settings.allow_control,
        pushes,
        replay: None,
    };
    let state = settings.state.as_deref().map(Folder::open).transpose()?;
    let behind = Behind {
        feeds,
        controls,
        policy,
        state,
        clock: Clock::Wall,
        epoch: Epoch::fresh(Ts::now(), fastrand::u16(..)),
        batches_max: BATCHES_QUEUED_MAX,
        record: settings.record.clone(),
        first_subscribe,
        metrics,
        reload: Some((args, level)),
    };
    serve(settings, behind, stop).await
}

/// What a service is made of.
pub(super) struct Behind {
    pub(super) feeds: Vec<Box<dyn Feed>>,
    pub(super) controls: Controls,
    /// Whom to believe; `None` where everybody may come in.
    pub(super) policy: Option<Policy>,
    /// Where the store is kept, and what is there, if it is kept.
    pub(super) state: Option<(Folder, Option<Checkpoint>)>,
    pub(super) clock: Clock,
    /// Of the timeline, unless what is kept goes on in another.
    pub(super) epoch: Epoch,
    /// Batches that the feeds may have waiting for the beat.
    pub(super) batches_max: usize,
    /// The tape that everything is recorded to, if any.
    pub(super) record: Option<(PathBuf, Rotation)>,
    /// Becomes true when the first subscriber has subscribed.
    pub(super) first_subscribe: watch::Sender<bool>,
    pub(super) metrics: Metrics,
    /// What the settings are read anew from, and the log whose level they set, where they are.
    pub(super) reload: Option<(ServeArgs, LogLevel)>,
}

/// What is counted, for its two readers.
pub(super) struct Metrics {
    /// As Prometheus reads it.
    render: Box<dyn Fn() -> String + Send + Sync>,
    /// For the server's own statistics.
    reader: Reader,
}

/// Serves until `stop`, then drains. The data flow is this function, from top to bottom.
pub(super) async fn serve(settings: Settings, behind: Behind, stop: CancellationToken) -> Result<(), ServeError> {
    let Behind {
        feeds,
        controls,
        policy,
        state,
        clock,
        epoch,
        batches_max,
        record,
        first_subscribe,
        metrics,
        reload,
    } = behind;
    let tls = settings.tls.clone().map(Tls::read).transpose()?;
    settings.cores.as_ref().map_or(Ok(()), Cores::check)?;
    let authorities = tls.as_ref().and_then(Tls::authorities);
    let scheme = if tls.is_some() { "https" } else { "http" };
    let listen = |source| ServeError::Listen {
        addr: settings.listen.clone(),
        source,
    };
    let listener = TcpListener::bind(&settings.listen).await.map_err(listen)?;
    let addr = listener.local_addr().map_err(listen)?;
    if is_exposed(addr, settings.auth.as_ref(), settings.is_insecure) {
        return Err(ServeError::Exposed(addr));
    }

    // The timeline begins with what is kept, if anything is; from here on nothing but an end takes it back.
    let (folder, timeline) = begin(state, epoch, settings.instruments_max)?;
    let epoch = timeline.epoch;

    // Feeds put batches of events on one bounded channel; a recorder, if there is one, gets them too and slows nobody.
    let end = CancellationToken::new();
    let venues: Vec<String> = feeds.iter().flat_map(|f| f.venues()).map(ToString::to_string).collect();
    let (mut outlet, inlet) = feed::channel(batches_max);
    let mut feeding = JoinSet::new();
    // The server's own statistics are on no tape, and on no tape's clock.
    if !clock.is_tape() {
        let stats = Box::new(feed::Stats::new(metrics.reader));
        feeding.spawn(feed::supervise(stats, outlet.clone(), end.clone()));
    }
    let mut recorder = None;
    if let Some((file, rotation)) = record {
        let (tap, queue) = event_queue();
        recorder = Some(TapeRecorder::start(queue, &file, rotation)?);
        outlet = outlet.with_tap(tap);
    }
    for feed in feeds {
        feeding.spawn(feed::supervise(feed, outlet.clone(), end.clone()));
    }

    // The engine drains it at each beat and publishes a tick to every reader: one a shard, one for HTTP.
    let (demand, health) = (Arc::new(Demand::default()), Arc::new(Health::default()));
    let mut readers = Vec::new();
    let mut receivers = Vec::new();
    for _ in 0..settings.shards {
        let (sender, receiver) = tick_channel(TICKS_QUEUED_MAX);
        readers.push(sender);
        receivers.push(receiver);
    }
    let (sender, query_ticks) = tick_channel(server::bounds::QUERY_TICKS_MAX);
    readers.push(sender);
    let mut keeper = None;
    if let Some(folder) = folder {
        let (sender, ticks) = tick_channel(KEEPER_TICKS_MAX);
        readers.push(sender);
        keeper = Some(Keeper::spawn(folder, &timeline, ticks).map_err(ServeError::Thread)?);
    }
    let Timeline { writer, table, .. } = timeline;
    let beater = Beater::new(writer, demand.clone(), epoch);
    let engine = Engine::new(beater, inlet, readers, health.clone());

    // Shards write to subscribers; the server reads from them and answers plain HTTP.
    let fanout_config = settings.fanout(epoch, clock.clone());
    let (fanout, mut threads) =
        Fanout::spawn(&fanout_config, &table, receivers, &demand, &first_subscribe).map_err(ServeError::Thread)?;
    let (query, query_thread) = Query::spawn(epoch, clock.start(), table, query_ticks).map_err(ServeError::Thread)?;
    threads.push(query_thread);
    threads.push(engine.spawn(clock, end.clone()).map_err(ServeError::Thread)?);
    let app = App::new(
        &settings.server,
        query,
        fanout,
        demand,
        controls,
        health,
        metrics.render,
    );
    let app = app
        .with_recording(recorder.as_ref().map(TapeRecorder::shared_state))
        .with_tls(tls)
        .with_authenticator(policy.map(|policy| Authenticator::new(policy, authorities)));

    settings
        .cores
        .as_ref()
        .map_or(Ok(()), |cores| cores.bind(settings.shards))?;

    let mut ended = JoinSet::new();
    for thread in threads {
        ended.spawn_blocking(move || drop(thread.join()));
    }

    if let Some((args, level)) = reload {
        let reloader = Reloader::new(args, settings.clone(), addr, app.remote(), level).map_err(ServeError::Signal)?;
        tokio::spawn(reloader.run(stop.clone()));
    }
    greet(scheme, addr, &venues).map_err(ServeError::Stdout)?;
    let served = tokio::select! {
        () = server::run(listener, app, stop) => Ok(()),
        // None ends before it is told to, unless it panicked: better no service than one that stands still.
        _ = ended.join_next() => Err(ServeError::Died),
    };

    // Feeds and beat end last, so that subscribers were served until they were gone; then the tape has everything.
    end.cancel();
    let all_fed = async { while feeding.join_next().await.is_some() {} };
    let _ = tokio::time::timeout(FEEDS_DEADLINE, all_fed).await;
    if let Some(recorder) = recorder {
        finish_recording(recorder).await;
    }
    if let Some(keeper) = keeper {
        let is_clean = served.is_ok();
        // A panic in it was told.
        let _ = tokio::task::spawn_blocking(move || keeper.finish(is_clean)).await;
    }
    served?;
    while ended.join_next().await.is_some() {}
    tracing::info!("stopped");
    Ok(())
}

/// Begins with what is kept, or with nothing.
fn begin(
    state: Option<(Folder, Option<Checkpoint>)>,
    fresh: Epoch,
    instruments_max: usize,
) -> Result<(Option<Folder>, Timeline), StateError> {
    let Some((folder, checkpoint)) = state else {
        return Ok((None, Timeline::empty(fresh, instruments_max)));
    };
    let timeline = folder.begin(checkpoint.as_ref(), fresh, instruments_max, Ts::now())?;
    Ok((Some(folder), timeline))
}

/// Waits for the disk. An error was told by the recorder itself, and serving was not the worse for it.
async fn finish_recording(recorder: TapeRecorder) {
    let file = recorder.state().file;
    if let Ok(Ok(TapeTotals { written, dropped })) = tokio::task::spawn_blocking(|| recorder.finish()).await {
        let (file, records) = (file.display(), written.records);
        tracing::info!(%file, records, dropped, "recording finished");
    }
}

fn build_feeds(specs: &[String], context: &FeedContext) -> Result<Vec<Box<dyn Feed>>, SpecError> {
    let feeds = specs.iter().map(|spec| feed::build(&FeedSpec::parse(spec)?, context));
    Ok(feeds.collect::<Result<Vec<_>, _>>()?.into_iter().flatten().collect())
}

/// A line for programs.
pub(super) fn say(line: &str) -> io::Result<()> {
    let mut stdout = io::stdout().lock();
    writeln!(stdout, "{line}")?;
    stdout.flush()
}

/// The first line on stdout is for programs; what follows in the log is for people.
fn greet(scheme: &str, addr: SocketAddr, venues: &[String]) -> io::Result<()> {
    say(&format!("listening on {scheme}://{addr}"))?;
    tracing::info!("dashboard: {scheme}://{addr}/");
    if let Some(venue) = venues.first() {
        tracing::info!("in a terminal: tickwire watch {scheme}://{addr} '{venue}:*'");
    }
    Ok(())
}

/// Installs the recorder of metrics and gives both ways to read them.
pub(super) fn install_metrics() -> Metrics {
    let builder = PrometheusBuilder::new();
    let builder = names::BUCKETS.iter().try_fold(builder, |builder, (name, buckets)| {
        builder.set_buckets_for_metric(Matcher::Full((*name).to_owned()), buckets)
    });
    let recorder = builder.expect("no list of buckets is empty").build_recorder();
    let handle = recorder.handle();
    // Set once in a process; a second serve in one process would share the first's figures.
    let (recorder, reader) = Recorder::new(recorder);
    let _ = metrics::set_global_recorder(recorder);
    catalogue::describe();
    count_panics();
    let started = SystemTime::now();
    let upkeep = handle.clone();
    tokio::spawn(async move {
        let mut period = tokio::time::interval(METRICS_UPKEEP);
        loop {
            period.tick().await;
            upkeep.run_upkeep();
        }
    });
    Metrics {
        render: Box::new(move || handle.render() + &process::prometheus(started)),
        reader,
    }
}
