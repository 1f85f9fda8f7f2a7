//! `tickwire serve`: puts the whole service together. The data flow is this file, from top to bottom.

use std::io::{self, IsTerminal, Write};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use clap::Args;
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder};
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::settings::Settings;
use crate::engine::{Beater, Demand, Engine, TICKS_QUEUED_MAX, tick_channel};
use crate::fanout::Fanout;
use crate::feed::{self, Feed, FeedContext, FeedSpec, SpecError};
use crate::market::Ts;
use crate::monitor::{Health, names};
use crate::server::{self, App, Query};
use crate::store::{Epoch, Writer};

/// Batches that feeds may have waiting for the beat: at 256 updates each, 60 MB at most and four beats of
/// six million updates a second.
const BATCHES_QUEUED_MAX: usize = 1_024;

/// Time between two clean-ups of what the metrics hold for their histograms.
const METRICS_UPKEEP: Duration = Duration::from_secs(5);

/// Serves live tickers over WebSocket, with a dashboard on the same port.
#[derive(Args, Debug, Default)]
#[command(after_help = "Examples:
  tickwire serve
  tickwire serve --listen 0.0.0.0:7070 --feed 'synthetic?symbols=50&rate=2000'
  tickwire serve --feed 'replay:recording.capture.gz?speed=10&loop=true'
  tickwire serve --config feeds/demo.toml

Every setting can also be given in the environment (TICKWIRE_LISTEN, ...; several feeds in TICKWIRE_FEED
are separated by white space) or in tickwire.toml. A flag goes before the environment, the environment
before the file.")]
pub(super) struct ServeArgs {
    /// Address to listen on; port 0 takes a free one [default: 127.0.0.1:7070]
    #[arg(long, env = "TICKWIRE_LISTEN", value_name = "ADDR")]
    pub(super) listen: Option<String>,
    /// Feed as KIND[:TARGET][?KEY=VALUE&...], several times for several feeds [default: 'synthetic?activity=market']
    #[arg(long, value_name = "SPEC")]
    pub(super) feed: Vec<String>,
    /// Configuration file [default: tickwire.toml, if it is there]
    #[arg(long, env = "TICKWIRE_CONFIG", value_name = "FILE")]
    pub(super) config: Option<PathBuf>,
    /// Fan-out threads [default: number of cores]
    #[arg(long, env = "TICKWIRE_SHARDS", value_name = "N")]
    pub(super) shards: Option<u64>,
    /// Subscribers at a time [default: 16384]
    #[arg(long, env = "TICKWIRE_MAX_CONNECTIONS", value_name = "N")]
    pub(super) max_connections: Option<u64>,
    /// Symbols and instruments that a subscriber may hold when it subscribes [default: 100000]
    #[arg(long, env = "TICKWIRE_MAX_SYMBOLS", value_name = "N")]
    pub(super) max_symbols: Option<u64>,
    /// Instruments that the store takes [default: 1000000]
    #[arg(long, env = "TICKWIRE_MAX_INSTRUMENTS", value_name = "N")]
    pub(super) max_instruments: Option<u64>,
    /// Largest message taken from a client [default: 65536]
    #[arg(long, env = "TICKWIRE_MAX_MESSAGE_BYTES", value_name = "BYTES")]
    pub(super) max_message_bytes: Option<u64>,
    /// Largest message sent, inflated [default: 65536]
    #[arg(long, env = "TICKWIRE_FRAME_BYTES_MAX", value_name = "BYTES")]
    pub(super) frame_bytes_max: Option<u64>,
    /// Time that a subscriber has to read a frame before it is let go [default: 30000]
    #[arg(long, env = "TICKWIRE_SLOW_CONSUMER_MS", value_name = "MS")]
    pub(super) slow_consumer_ms: Option<u64>,
    /// Silence after which a heartbeat is sent [default: 1000]
    #[arg(long, env = "TICKWIRE_HEARTBEAT_MS", value_name = "MS")]
    pub(super) heartbeat_ms: Option<u64>,
    /// Time between WebSocket pings, and for the answer to one [default: 20000]
    #[arg(long, env = "TICKWIRE_PING_MS", value_name = "MS")]
    pub(super) ping_ms: Option<u64>,
    /// error, warn, info, debug or trace [default: info]
    #[arg(long, env = "TICKWIRE_LOG_LEVEL", value_name = "LEVEL")]
    pub(super) log_level: Option<String>,
}

/// Why serving could not begin.
#[derive(Debug, thiserror::Error)]
pub(super) enum ServeError {
    #[error(transparent)]
    Feed(#[from] SpecError),
    #[error("cannot listen on `{addr}`: {source}")]
    Listen { addr: String, source: io::Error },
    #[error("a thread could not be started: {0}")]
    Thread(io::Error),
    #[error("standard output: {0}")]
    Stdout(io::Error),
}

impl ServeError {
    /// Whether the user has to write something else; else the machine failed.
    pub(super) fn is_usage(&self) -> bool {
        match self {
            ServeError::Feed(error) => error.is_usage(),
            ServeError::Listen { source, .. } => source.kind() == io::ErrorKind::InvalidInput,
            _ => false,
        }
    }
}

/// Serves until `stop`, then drains.
pub(super) async fn run(settings: Settings, stop: CancellationToken) -> Result<(), ServeError> {
    log_to_stderr(settings.log_level);
    let render_metrics = install_metrics();

    // Whatever can be refused is refused before anything runs.
    let (first_subscribe, first_subscriber) = watch::channel(false);
    let feeds = build_feeds(&settings.feeds, &FeedContext { first_subscriber })?;
    let listen = |source| ServeError::Listen {
        addr: settings.listen.clone(),
        source,
    };
    let listener = TcpListener::bind(&settings.listen).await.map_err(listen)?;
    let addr = listener.local_addr().map_err(listen)?;

    // Feeds put batches of events on one bounded channel.
    let end = CancellationToken::new();
    let venues: Vec<String> = feeds.iter().flat_map(|f| f.venues()).map(ToString::to_string).collect();
    let (outlet, inlet) = feed::channel(BATCHES_QUEUED_MAX);
    for feed in feeds {
        tokio::spawn(feed::supervise(feed, outlet.clone(), end.clone()));
    }

    // The engine drains it at each beat and publishes a tick to every reader: one a shard, one for HTTP.
    let epoch = Epoch::fresh(Ts::now(), fastrand::u16(..));
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
    let beater = Beater::new(Writer::new(settings.instruments_max), demand.clone());
    let engine = Engine::new(beater, inlet, readers, health.clone());

    // Shards write to subscribers; the server reads from them and answers plain HTTP.
    let fanout_config = settings.fanout(epoch);
    let (fanout, mut threads) =
        Fanout::spawn(&fanout_config, receivers, &demand, &first_subscribe).map_err(ServeError::Thread)?;
    let (query, query_thread) = Query::spawn(epoch, query_ticks).map_err(ServeError::Thread)?;
    threads.push(query_thread);
    threads.push(engine.spawn(end.clone()).map_err(ServeError::Thread)?);
    let app = App::new(&settings.server, query, fanout, demand, health, render_metrics);

    greet(addr, &venues).map_err(ServeError::Stdout)?;
    server::run(listener, app, stop).await;

    // Feeds and beat end last, so that subscribers were served until they were gone.
    end.cancel();
    let _ = tokio::task::spawn_blocking(move || threads.into_iter().for_each(|t| drop(t.join()))).await;
    tracing::info!("stopped");
    Ok(())
}

fn build_feeds(specs: &[String], context: &FeedContext) -> Result<Vec<Box<dyn Feed>>, SpecError> {
    let feeds = specs.iter().map(|spec| feed::build(&FeedSpec::parse(spec)?, context));
    let feeds = feeds.collect::<Result<Vec<_>, _>>()?;
    feed::check_venues(&feeds)?;
    Ok(feeds)
}

/// The first line on stdout is for programs; what follows in the log is for people.
fn greet(addr: SocketAddr, venues: &[String]) -> io::Result<()> {
    let mut stdout = io::stdout().lock();
    writeln!(stdout, "listening on http://{addr}")?;
    stdout.flush()?;
    tracing::info!("dashboard: http://{addr}/");
    if let Some(venue) = venues.first() {
        tracing::info!("in a terminal: tickwire watch http://{addr} '{venue}:*'");
    }
    Ok(())
}

fn log_to_stderr(level: tracing::Level) {
    let subscriber = tracing_subscriber::fmt().with_max_level(level).with_writer(io::stderr);
    // Set once in a process; a second serve in one process keeps the first's log.
    let _ = subscriber
        .with_ansi(io::stderr().is_terminal())
        .with_target(false)
        .try_init();
}

/// Installs the recorder of metrics and gives the function that renders them.
fn install_metrics() -> Box<dyn Fn() -> String + Send + Sync> {
    let buckets = [
        0.000_05, 0.000_1, 0.000_25, 0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1,
    ];
    let builder = PrometheusBuilder::new();
    let builder = builder.set_buckets_for_metric(Matcher::Full(names::BEAT_SECONDS.to_owned()), &buckets);
    let recorder = builder.expect("the buckets are not empty").build_recorder();
    let handle = recorder.handle();
    // Set once in a process; a second serve in one process would share the first's figures.
    let _ = metrics::set_global_recorder(recorder);
    names::describe();
    let upkeep = handle.clone();
    tokio::spawn(async move {
        let mut period = tokio::time::interval(METRICS_UPKEEP);
        loop {
            period.tick().await;
            upkeep.run_upkeep();
        }
    });
    Box::new(move || handle.render())
}
