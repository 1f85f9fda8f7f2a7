use super::*;
use crate::client::Options;
use crate::wire::proto::server_message::Body;
use crate::wire::{compress, encode_server};

const SYMBOL: &str = "a:B";

struct World {
    tools: Tools,
    subscriber: Subscriber,
    encoding: Encoding,
    sent: Vec<Vec<u8>>,
}

impl World {
    /// Joined with instrument 1 at epoch 1 and seq 10; every message is deflated where that is smaller.
    fn joined(number: usize, encoding: Encoding) -> World {
        let plan = Plan {
            options: Options::new("http://h").expect("a URL").encoding(encoding),
            addr: ([127, 0, 0, 1], 1).into(),
            symbols: vec![SYMBOL.into()],
            symbols_each: 1,
            is_same: false,
            seed: 1,
        };
        let mut world = World {
            subscriber: Subscriber::new(number, &plan),
            tools: Tools {
                plan: Arc::new(plan),
                tally: Tally::new(),
                inflater: Inflater::new(),
            },
            encoding,
            sent: Vec::new(),
        };
        world.tools.tally.phase = Phase::Measured;
        world.take(Body::Welcome(proto::Welcome::default())).expect("a welcome");
        assert_eq!((world.sent.len(), world.subscriber.standing), (1, Standing::Asked(1)));
        let snapshot = proto::Snapshot {
            epoch: 1,
            seq: 10,
            request_id: 1,
            instruments: vec![instrument(1, SYMBOL)],
            tickers: vec![ticker(1)],
            ..Default::default()
        };
        world.take(Body::Snapshot(snapshot)).expect("a snapshot");
        assert_eq!(world.subscriber.standing, Standing::Joined);
        world
    }

    fn take(&mut self, body: Body) -> Result<(), Fault> {
        let bytes = encode_server(self.encoding, &proto::ServerMessage { body: Some(body) }, &|_| None);
        let (is_text, bytes) = match compress(self.encoding, &bytes) {
            Some(deflated) => (false, deflated),
            None => (self.encoding == Encoding::Json, bytes),
        };
        let (sent, tools) = (&mut self.sent, &mut self.tools);
        self.subscriber
            .message(is_text, &bytes, Ts(9_000), tools, |message| sent.push(message))
    }

    fn faults(&self) -> &[String] {
        &self.tools.tally.faults.told
    }
}

fn instrument(id: u32, symbol: &str) -> proto::Instrument {
    proto::Instrument {
        id,
        symbol: symbol.into(),
        ..Default::default()
    }
}

fn ticker(id: u32) -> proto::Ticker {
    proto::Ticker {
        id,
        volume: Some(7),
        trade_count: Some(3),
        event_age_us: Some(2),
        ..Default::default()
    }
}

fn delta(seq: u64, ids: &[u32]) -> proto::Delta {
    proto::Delta {
        seq,
        ts: 1_000,
        tickers: ids.iter().map(|id| ticker(*id)).collect(),
        ..Default::default()
    }
}

#[test]
fn every_delta_counts_and_a_share_of_them_is_decoded() {
    for encoding in Encoding::ALL {
        let mut world = World::joined(5, encoding);
        for seq in 11..11 + 640 {
            world.take(Body::Delta(delta(seq, &[1; 30]))).expect("a delta");
        }
        let tally = &world.tools.tally;
        let counts = tally.measured();
        assert_eq!(
            (counts.deltas, counts.entries, counts.snapshots),
            (640, 640 * 30, 1),
            "{encoding}"
        );
        // Welcome and snapshot too.
        assert_eq!(
            (counts.decoded, counts.inflated),
            (2 + 640 / DECODED_EVERY, 640),
            "{encoding}"
        );
        let latency = tally.latency.report().expect("some");
        assert_eq!((latency.count, latency.max), (640, 8_000));
        let age = tally.age.report().expect("some");
        assert_eq!((age.count, age.max), (300, 10_000));
        assert!(world.faults().is_empty(), "{:?}", world.faults());
    }
}

#[test]
fn the_witness_is_decoded_to_the_last_message() {
    let mut world = World::joined(0, Encoding::Msgpack);
    for seq in 11..21 {
        world.take(Body::Delta(delta(seq, &[1]))).expect("a delta");
    }
    assert_eq!(world.tools.tally.measured().decoded, 12);
    let view = world.subscriber.view.as_ref().expect("a view");
    assert_eq!((view.seq(), view.len(), view.is_complete()), (20, 1, true));
    world.take(Body::Delta(delta(21, &[2]))).expect("told, and it goes on");
    assert_eq!(
        world.faults().len(),
        2,
        "by the ids and by the view: {:?}",
        world.faults()
    );
}

#[test]
fn what_is_announced_and_taken_away_is_always_looked_at() {
    let mut world = World::joined(1, Encoding::Protobuf);
    let removed = proto::Delta {
        removed: vec![1],
        ..delta(11, &[])
    };
    world.take(Body::Delta(removed)).expect("a delta");
    let announced = proto::Delta {
        instruments: vec![instrument(4, SYMBOL)],
        ..delta(12, &[4])
    };
    world.take(Body::Delta(announced)).expect("a delta");
    assert!(world.faults().is_empty(), "{:?}", world.faults());
    let foreign = proto::Delta {
        instruments: vec![instrument(5, "a:OTHER")],
        ..delta(13, &[1])
    };
    world.take(Body::Delta(foreign)).expect("told, and it goes on");
    let told = world.faults().join("; ");
    assert!(
        told.contains("`a:OTHER`, which it did not ask for") && told.contains("instrument 1,"),
        "{told}"
    );
}

#[test]
fn a_refusal_and_what_cannot_be_read_end_it() {
    let mut world = World::joined(1, Encoding::Protobuf);
    let error = proto::Error {
        request_id: 1,
        code: 5,
        message: "too many\n".into(),
    };
    let fault = world.take(Body::Error(error)).expect_err("refused").to_string();
    assert_eq!(fault, "a request was refused: too many\u{fffd}");
    let twice = compress(Encoding::Protobuf, &[0x7a, 0].repeat(200)).expect("smaller");
    let noise: &[u8] = &[0x1a, 200];
    for bytes in [noise, &twice] {
        let tools = &mut world.tools;
        let fault = world.subscriber.message(false, bytes, Ts(0), tools, |_| {});
        assert!(
            matches!(fault, Err(Fault::Disconnected(Disconnect::Decode(_)))),
            "{fault:?}"
        );
    }
}

#[test]
fn a_pong_tells_the_way_and_how_far_the_clocks_are_apart() {
    let mut world = World::joined(0, Encoding::Json);
    // The server's clock is 500 ahead; what comes at 9,000 was kept by it for a while.
    let pong = |kept: u64, way: u64| proto::Pong {
        nonce: 0,
        ts_client: 9_000 - kept - 2 * way,
        ts_recv: 9_000 - kept - way + 500,
        ts_sent: 9_000 - way + 500,
    };
    world.take(Body::Pong(pong(2_000, 1_500))).expect("a pong");
    world.take(Body::Pong(pong(10, 2_500))).expect("a pong");
    let tally = &world.tools.tally;
    assert_eq!(tally.clock, Some((3_000, 500)));
    let round_trip = tally.round_trip.report().expect("two");
    assert_eq!((round_trip.count, round_trip.min, round_trip.max), (2, 3_000, 5_000));
}
