//! A bug in one session, seen from both ends of its connection and by a neighbour.

use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::timeout;
use tokio_util::either::Either;

use axum::http::HeaderMap;

use super::*;
use crate::engine::{BEAT, Beater, Clock, Demand, tick_channel};
use crate::fanout::{Fanout, FanoutConfig};
use crate::monitor::Health;
use crate::server::{AllowedOrigins, App, Bound, Controls, Limits, Query, TrustedProxies};
use crate::store::{Epoch, Table, Writer};
use crate::wire::Compression;

const LIMIT: Duration = Duration::from_secs(60);

/// No bound on loopback, where all of this is.
const UNBOUND: Bound = Bound {
    most: 1,
    holds_on_loopback: false,
};

/// A ping of the WebSocket, masked with zeros, and its answer.
const PING: &[u8] = b"\x89\x82\0\0\0\0hi";
const PONG: &[u8] = b"\x8a\x02hi";

/// A server of one shard whose beats go on.
struct Served {
    app: Arc<App>,
    beats: JoinHandle<()>,
}

impl Drop for Served {
    fn drop(&mut self) {
        self.beats.abort();
    }
}

fn served() -> Served {
    let epoch = Epoch::new(7).expect("an epoch");
    let config = FanoutConfig {
        epoch,
        clock: Clock::Wall,
        frame_bytes_max: 65_536,
        heartbeat_beats: 100,
        slow_deadline_beats: 1_000,
        symbols_max: 10,
        message_bytes_max: 65_536,
        io_uring: false,
    };
    let demand = Arc::new(Demand::default());
    let (ticks, receiver) = tick_channel(8);
    let spawned = Fanout::spawn(
        &config,
        &Table::new(),
        vec![receiver],
        &demand,
        &watch::Sender::new(false),
    );
    let (fanout, _) = spawned.expect("a thread");
    let mut beater = Beater::new(Writer::new(10), demand.clone(), epoch);
    let beats = tokio::spawn(async move {
        for number in 1.. {
            tokio::time::sleep(BEAT).await;
            let _ = ticks.send(Arc::new(beater.seal(number, number, Ts::now()))).await;
        }
    });
    let (_, query_ticks) = tick_channel(1);
    let (query, _) = Query::spawn(epoch, Ts::now(), Table::new(), query_ticks).expect("a thread");
    let config = ServerConfig {
        connections_max: 10,
        message_bytes_max: 65_536,
        ping_interval: Duration::from_secs(600),
        allowed_origins: AllowedOrigins::default(),
        limits: Limits {
            connections_per_address: UNBOUND,
            handshakes_per_second: UNBOUND,
            handshake: LIMIT,
            header_bytes_max: 32_768,
            rates: Rates {
                messages: 100,
                symbols: 100,
            },
            trusted_proxies: TrustedProxies::default(),
        },
        socket_faults: SocketFaults::default(),
    };
    let (controls, health) = (Controls::default(), Arc::new(Health::default()));
    let app = App::new(&config, query, fanout, demand, controls, health, Box::new(String::new));
    let app = Arc::new(app);
    Served { app, beats }
}

/// A session behind its handshake, and the peer's end of its connection.
async fn session(served: &Served, ping_interval: Duration) -> (TcpStream, JoinHandle<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let peer = TcpStream::connect(listener.local_addr().expect("an address")).await;
    let (stream, addr) = listener.accept().await.expect("it connects");
    let begun = Begun {
        stream: Either::Left(stream),
        read_ahead: Bytes::new(),
        client: addr.ip(),
    };
    let options = ConnectionOptions {
        encoding: Encoding::Json,
        compression: Compression::None,
        pace_beats: 1,
        subprotocol: None,
    };
    let config = SessionConfig {
        ping_interval,
        ..SessionConfig::of(&served.app.live.config())
    };
    let app = served.app.clone();
    let caller = app
        .door
        .caller(&HeaderMap::new(), None, None)
        .expect("everybody may come in");
    let access = Access::begin(&app, caller, IpAddr::from([127, 0, 0, 1])).expect("a place");
    let run = tokio::spawn(begin(begun, (options, access), &app, config, ()).expect("a connection"));
    (peer.expect("it listens"), run)
}

async fn read_until(peer: &mut TcpStream, part: &[u8]) -> Vec<u8> {
    let mut all = Vec::new();
    let found = async {
        while !all.windows(part.len()).any(|window| window == part) {
            assert!(
                peer.read_buf(&mut all).await.expect("it reads") > 0,
                "it ended: {all:?}"
            );
        }
    };
    timeout(LIMIT, found).await.expect("in time");
    all
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_panic_ends_its_session_alone_and_its_peer_is_told_to_come_back() {
    let served = served();
    let (mut neighbour, _healthy) = session(&served, Duration::from_secs(600)).await;
    read_until(&mut neighbour, b"welcome").await;
    // The runtime panics where it is asked for an interval of nothing, which no setting allows.
    let (mut peer, ended) = session(&served, Duration::ZERO).await;
    let said = read_until(&mut peer, &4_004u16.to_be_bytes()).await;
    assert!(said.windows(7).any(|window| window == b"welcome"), "{said:?}");
    drop(peer);
    timeout(LIMIT, ended)
        .await
        .expect("in time")
        .expect("the panic was caught");
    let left = async {
        while served.app.demand.total() != 1 {
            tokio::time::sleep(BEAT).await;
        }
    };
    timeout(LIMIT, left).await.expect("the shard has forgotten it");
    neighbour.write_all(PING).await.expect("it is read");
    read_until(&mut neighbour, PONG).await;
}
