//! A bug in one session, seen from both ends of its connection and by a neighbour.

use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::timeout;
use tokio_util::either::Either;

use super::*;
use crate::engine::{BEAT, Beater, Clock, Demand, tick_channel};
use crate::fanout::FanoutConfig;
use crate::store::{Epoch, Table, Writer};
use crate::wire::Compression;

const LIMIT: Duration = Duration::from_secs(60);

/// A ping of the WebSocket, masked with zeros, and its answer.
const PING: &[u8] = b"\x89\x82\0\0\0\0hi";
const PONG: &[u8] = b"\x8a\x02hi";

/// One shard whose beats go on, and how many subscribers it has.
struct Shard {
    fanout: Arc<Fanout<TcpWriter>>,
    demand: Arc<Demand>,
    beats: JoinHandle<()>,
}

impl Drop for Shard {
    fn drop(&mut self) {
        self.beats.abort();
    }
}

fn shard() -> Shard {
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
    Shard {
        fanout: Arc::new(fanout),
        demand,
        beats,
    }
}

/// A session behind its handshake, and the peer's end of its connection.
async fn session(shard: &Shard, ping_interval: Duration) -> (TcpStream, JoinHandle<()>) {
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
        message_bytes_max: 65_536,
        ping_interval,
        rates: Rates {
            messages: 100,
            symbols: 100,
        },
        socket_faults: SocketFaults::default(),
    };
    let fanout = shard.fanout.clone();
    let run = tokio::spawn(async move { run(begun, Ok(options), &fanout, config).await });
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
    let shard = shard();
    let (mut neighbour, _healthy) = session(&shard, Duration::from_secs(600)).await;
    read_until(&mut neighbour, b"welcome").await;
    // The runtime panics where it is asked for an interval of nothing, which no setting allows.
    let (mut peer, ended) = session(&shard, Duration::ZERO).await;
    let said = read_until(&mut peer, &4_004u16.to_be_bytes()).await;
    assert!(said.windows(7).any(|window| window == b"welcome"), "{said:?}");
    drop(peer);
    timeout(LIMIT, ended)
        .await
        .expect("in time")
        .expect("the panic was caught");
    let left = async {
        while shard.demand.total() != 1 {
            tokio::time::sleep(BEAT).await;
        }
    };
    timeout(LIMIT, left).await.expect("the shard has forgotten it");
    neighbour.write_all(PING).await.expect("it is read");
    read_until(&mut neighbour, PONG).await;
}
