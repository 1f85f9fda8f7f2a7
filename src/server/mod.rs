//! HTTP, the WebSocket upgrade and the reading side of sessions.
//!
//! [`run`] takes the listener and the stop signal from its caller. Each connection is hyper's until it is upgraded; then
//! `session` reads it and its shard writes it. On its way a request passes `tls`, the counts of its address (`limits`), who
//! it may come from and who sends it (`door`), and its own file in `routes`. Plain HTTP is answered from a table of its
//! own (`table`): whole, waited for or as a stream. Knows no venues.

pub mod bounds;
mod door;
mod error;
mod limits;
mod live;
mod options;
mod query_string;
mod reply;
mod routes;
mod session;
mod strings;
mod table;
mod tls;
mod url;

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use axum::http::HeaderMap;
use hyper::service::{Service as _, service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};
use tokio::time::Instant;
use tokio_rustls::server::TlsStream;
use tokio_util::sync::CancellationToken;

pub use door::{AllowedOrigins, OriginError};
pub use limits::{Bound, Limits, ProxyHeader, Rates, TrustedProxies};
pub use live::Remote;
pub use options::INTERVAL_MS;
pub use query_string::query_pairs;
pub use session::{SocketFaults, TcpWriter};
pub use table::Query;
pub use tls::{Certificate, ClientFiles, Renewed, Tls, TlsError, TlsFiles};

use crate::auth::{Authenticator, ClientCertificate};
use crate::control::{Push, ReplayRemote};
use crate::engine::Demand;
use crate::fanout::Fanout;
use crate::monitor::{Health, Recording, names};
use bounds::{ACCEPT_PAUSE, DRAIN_DEADLINE, FINISH_DEADLINE};
use door::{Door, Origins, Seats};
use limits::{Addresses, Answers, Places, Taken};
use live::Live;
use session::{Sessions, Stream};

/// What an operator may set.
#[derive(Clone, Debug)]
pub struct ServerConfig {
    /// Subscribers at a time.
    pub connections_max: usize,
    /// Largest message from a client.
    pub message_bytes_max: usize,
    /// Time between two WebSocket pings, and for the answer to one.
    pub ping_interval: Duration,
    /// Pages of other hosts that may read.
    pub allowed_origins: AllowedOrigins,
    /// What one peer may take.
    pub limits: Limits,
    /// What is wrong with subscribers' sockets on purpose; usually nothing.
    pub socket_faults: SocketFaults,
}

/// What may be controlled.
#[derive(Debug, Default)]
pub struct Controls {
    /// Whether this machine's own programs may, where nobody says who it is.
    pub is_allowed: bool,
    /// To the feed of pushed updates, where there is one.
    pub pushes: Option<mpsc::Sender<Push>>,
    /// To the replay, where there is one; whoever may ask where it is.
    pub replay: Option<ReplayRemote>,
}

/// All that the pages and sessions need.
pub struct App {
    query: Arc<Query>,
    fanout: Fanout<TcpWriter>,
    demand: Arc<Demand>,
    controls: Controls,
    health: Arc<Health>,
    /// Of what feeds say, where there is one.
    recording: Option<Arc<Recording>>,
    render_metrics: Box<dyn Fn() -> String + Send + Sync>,
    live: Arc<Live>,
    tls: Option<Tls>,
    origins: Origins,
    door: Door,
    addresses: Arc<Addresses>,
    places: Places,
    answers: Answers,
    seats: Seats,
    sessions: Arc<Sessions>,
    stop: CancellationToken,
}

impl App {
    /// Puts the parts together; nothing runs yet.
    pub fn new(
        config: &ServerConfig,
        query: Arc<Query>,
        fanout: Fanout<TcpWriter>,
        demand: Arc<Demand>,
        controls: Controls,
        health: Arc<Health>,
        render_metrics: Box<dyn Fn() -> String + Send + Sync>,
    ) -> App {
        App {
            query,
            fanout,
            demand,
            controls,
            health,
            recording: None,
            render_metrics,
            live: Live::new(config.clone()),
            tls: None,
            origins: Origins {
                allowed: config.allowed_origins.clone(),
                is_tls: false,
                is_local: false,
            },
            door: Door::new(None),
            addresses: Arc::default(),
            places: Places::default(),
            answers: Answers::new(),
            seats: Seats::default(),
            sessions: Arc::default(),
            stop: CancellationToken::new(),
        }
    }

    /// Shows how a recording fares, where there is one.
    pub fn with_recording(self, recording: Option<Arc<Recording>>) -> App {
        App { recording, ..self }
    }

    /// Believes those whom this one knows; without one everybody may come in.
    pub fn with_authenticator(self, authenticator: Option<Authenticator>) -> App {
        let door = Door::new(authenticator.map(Arc::new));
        App { door, ..self }
    }

    /// A connection as one of its address's; `None` where that has too many. Those of a proxy are not the proxy's own.
    fn greet(&self, addr: SocketAddr, permit: Arc<OwnedSemaphorePermit>) -> Option<Peer> {
        let config = self.live.config();
        let of_address = match config.limits.trusted_proxies.has(addr.ip()) {
            true => None,
            false => {
                let taken = self.addresses.connect(addr.ip(), &config.limits);
                if taken.is_none() {
                    metrics::counter!(names::HANDSHAKES_REFUSED, "reason" => "address").increment(1);
                }
                Some(Arc::new(taken?))
            }
        };
        Some(Peer {
            addr,
            _permit: permit,
            _of_address: of_address,
            cut: CancellationToken::new(),
            certificate: None,
        })
    }

    /// Speaks TLS and nothing else, where there is a certificate.
    pub fn with_tls(self, tls: Option<Tls>) -> App {
        let is_tls = tls.is_some();
        let origins = Origins { is_tls, ..self.origins };
        App { tls, origins, ..self }
    }
}

/// Who is at the other end of a connection, and its place among those that may be open: whoever still has the
/// socket keeps it, the upgraded session included.
#[derive(Clone)]
struct Peer {
    addr: SocketAddr,
    _permit: Arc<OwnedSemaphorePermit>,
    /// Its address's; absent where a trusted proxy is the peer.
    _of_address: Option<Arc<Taken>>,
    /// Breaks the connection in the middle of an answer.
    cut: CancellationToken,
    /// What it has shown of itself when it connected, where it has.
    certificate: Option<Arc<ClientCertificate>>,
}

impl Peer {
    /// Who asks: the peer itself, or whom a trusted proxy names.
    fn client(&self, app: &App, headers: &HeaderMap) -> IpAddr {
        app.live.config().limits.trusted_proxies.client(self.addr.ip(), headers)
    }
}

/// Serves until `stop`, then says goodbye to every subscriber and returns within five seconds.
pub async fn run(listener: TcpListener, app: App, stop: CancellationToken) {
    let is_local = listener.local_addr().is_ok_and(|addr| addr.ip().is_loopback());
    let app = Arc::new(App {
        stop: stop.clone(),
        origins: Origins {
            is_local,
            ..app.origins
        },
        ..app
    });
    let pages = TowerToHyperService::new(routes::router(app.clone()));
    if let Some(tls) = app.tls.clone() {
        let remote = app.remote();
        tokio::spawn(tls.follow_files(move |loaded| remote.show(loaded), stop.clone()));
    }
    let permits = app.live.sockets.clone();
    let accepts_failed = metrics::counter!(names::ACCEPTS_FAILED);
    let mut is_refused = false;
    loop {
        let accepted = tokio::select! {
            () = stop.cancelled() => break,
            accepted = accept(&listener, &permits) => accepted,
        };
        match accepted {
            Ok((stream, permit, addr)) => {
                is_refused = false;
                // Who comes too often, or has too much open, sees a connection that ends: an answer would cost more.
                if let Some(peer) = app.greet(addr, permit) {
                    tokio::spawn(serve_connection(stream, peer, app.clone(), pages.clone()));
                }
            }
            Err(error) => {
                accepts_failed.increment(1);
                // The edge, not the level: without descriptors this comes twenty times a second.
                if !std::mem::replace(&mut is_refused, true) {
                    tracing::warn!(%error, "connections cannot be accepted");
                }
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
    drop(listener);
    drain(&app).await;
    // What is being answered over plain HTTP is finished too.
    let all = permits.acquire_many(app.live.sockets_max() as u32);
    let _ = tokio::time::timeout(FINISH_DEADLINE, all).await;
}

type Accepted = (TcpStream, Arc<OwnedSemaphorePermit>, SocketAddr);

async fn accept(listener: &TcpListener, permits: &Arc<Semaphore>) -> io::Result<Accepted> {
    let permit = Arc::new(permits.clone().acquire_owned().await.map_err(io::Error::other)?);
    let (stream, addr) = listener.accept().await?;
    Ok((stream, permit, addr))
}

/// One connection, as long as it speaks HTTP.
async fn serve_connection(stream: TcpStream, mut peer: Peer, app: Arc<App>, pages: TowerToHyperService<axum::Router>) {
    let (addr, cut) = (peer.addr, peer.cut.clone());
    let ended = |error: &dyn std::fmt::Display| tracing::debug!(peer = %addr, %error, "connection ended");
    if let Err(error) = session::limit_writes(&stream, app.slow_consumer()) {
        return ended(&error);
    }
    let stream = match &app.tls {
        None => Stream::Left(stream),
        Some(tls) => match secured(&app, tls, stream).await {
            Ok((stream, certificate)) => {
                if let Some(certificate) = &certificate {
                    tracing::debug!(peer = %addr, %certificate, "a client has shown its certificate");
                }
                peer.certificate = certificate;
                Stream::Right(Box::new(stream))
            }
            Err(error) => return ended(&error),
        },
    };
    // Whose the request is goes with it: a router of each connection's own would be copies of all routes.
    let service = service_fn(|mut request| {
        request.extensions_mut().insert(peer.clone());
        pages.call(request)
    });
    let limits = app.live.config().limits.clone();
    let mut http = hyper::server::conn::http1::Builder::new();
    http.timer(TokioTimer::new())
        .header_read_timeout(limits.handshake)
        .max_buf_size(limits.header_bytes_max);
    let connection = http.serve_connection(TokioIo::new(stream), service).with_upgrades();
    tokio::pin!(connection);
    tokio::select! {
        result = connection.as_mut() => {
            if let Err(error) = result {
                ended(&error);
            }
        }
        () = cut.cancelled() => ended(&"a slow reader is let go"),
        () = app.stop.cancelled() => {
            // What is being answered is finished; idle connections end at once.
            connection.as_mut().graceful_shutdown();
            let _ = tokio::time::timeout(DRAIN_DEADLINE, connection).await;
        }
    }
}

type Secured = (TlsStream<TcpStream>, Option<Arc<ClientCertificate>>);

/// A connection after its TLS handshake, for which it has as long as for a request's head, and what the client has shown.
async fn secured(app: &App, tls: &Tls, stream: TcpStream) -> io::Result<Secured> {
    let deadline = app.live.config().limits.handshake;
    let accepted = tokio::time::timeout(deadline, tls.accept(stream)).await;
    let outcome = accepted.unwrap_or_else(|late| Err(late.into())).and_then(|stream| {
        let certificate = app.door.certificate(&stream).map_err(io::Error::other)?;
        Ok((stream, certificate.map(Arc::new)))
    });
    outcome.inspect_err(|_| metrics::counter!(names::HANDSHAKES_REFUSED, "reason" => "tls").increment(1))
}

/// Goaway to all, closes spread in time, and the end when all are gone or time is up.
async fn drain(app: &App) {
    let deadline = Instant::now() + DRAIN_DEADLINE;
    tracing::info!(
        subscribers = app.places.connections.load(Relaxed),
        "stopping: subscribers are sent away"
    );
    app.fanout.drain().await;
    let mut look = tokio::time::interval(Duration::from_millis(10));
    while app.places.connections.load(Relaxed) > 0 && Instant::now() < deadline {
        look.tick().await;
    }
}
