//! What must not ask for memory: a quote that comes in when its instrument is known, and a frame that goes out.
//!
//! The counting allocator is of this file's own binary, so that no other test and no bench has it.

use std::sync::Arc;

use tickwire::engine::{Beater, Clock, Demand, Tick};
use tickwire::fanout::{Allowance, Command, FanoutConfig, Join, Link, Request, Shard, Socket, SubscriberId};
use tickwire::feed::binance::Parser;
use tickwire::feed::parse::{FrameParser, Heard};
use tickwire::feed::synthetic::{EvenModel, Model};
use tickwire::market::{Event, Symbol, SymbolPattern, Ts, Update, VenueName};
use tickwire::store::{Epoch, Writer};
use tickwire::wire::{Compression, Encoding};

const SPOT: &str = r#"{"stream":"btcusdt@bookTicker","data":{"u":NUMBER,"s":"BTCUSDT","b":"61837.63000000","B":"3.78826000","a":"61837.64000000","A":"1.54698000"}}"#;
const USDM: &str = r#"{"stream":"btcusdt@bookTicker","data":{"e":"bookTicker","u":NUMBER,"s":"BTCUSDT","b":"61800.20","B":"2.507","a":"61800.30","A":"2.510","T":1723161256313,"E":1723161256313}}"#;
const TRADE: &str = r#"{"stream":"btcusdt@trade","data":{"e":"trade","E":1723161255343,"s":"BTCUSDT","t":NUMBER,"p":"61837.63000000","q":"0.02000000","T":1723161255342,"m":true,"M":true}}"#;

/// Allocations of so many frames of a kind, after the first ten.
fn allocations(frame: &str, count: usize) -> u64 {
    let frames: Vec<String> = (1..=count + 10)
        .map(|n| frame.replace("NUMBER", &n.to_string()))
        .collect();
    let mut parser = Parser::new(VenueName::parse("binance").expect("a venue"));
    // As a connection has it: what it hands over has its room before the frames come.
    let mut batch: Vec<Event> = Vec::with_capacity(16);
    let mut take = |frames: &[String]| {
        for frame in frames {
            batch.clear();
            let heard = parser.frame(frame.as_bytes(), Ts(1), &mut batch);
            assert!(matches!(heard, Ok(Heard::Data)) && !batch.is_empty(), "{frame}");
        }
    };
    take(&frames[..10]);
    allocation_counter::measure(|| take(&frames[10..])).count_total
}

#[test]
fn a_quote_or_trade_of_a_known_instrument_asks_for_no_memory() {
    for frame in [SPOT, USDM, TRADE] {
        assert_eq!(allocations(frame, 10_000), 0, "{frame}");
    }
}

const INSTRUMENTS: usize = 200;

/// Takes everything.
struct Sink;

impl Socket for Sink {
    fn send(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        Ok(bytes.len())
    }

    fn abort(&mut self) {}
}

/// Allocations of a shard's turn with so many subscribers, each with ten instruments of its own, in steady state.
fn turn(subscribers: usize, pace_beats: u64, encoding: Encoding, compression: Compression) -> u64 {
    let (demand, epoch) = (Arc::new(Demand::default()), Epoch::new(1).expect("an epoch"));
    let config = FanoutConfig {
        epoch,
        clock: Clock::Wall,
        frame_bytes_max: 65_536,
        heartbeat_beats: 100,
        slow_deadline_beats: 3_000,
        symbols_max: 100_000,
        message_bytes_max: 65_536,
        io_uring: false,
    };
    let mut shard = Shard::new(config, demand.clone(), Box::new(|| {}));
    let mut beater = Beater::new(Writer::new(INSTRUMENTS), demand, epoch);
    let mut model = EvenModel::new(INSTRUMENTS, 7);
    let symbol = |at: usize| Symbol::parse(&format!("a:S{at}")).expect("a symbol");
    let symbols: Vec<Symbol> = (0..INSTRUMENTS).map(symbol).collect();
    let mut number = 0;
    let mut beat = || -> Arc<Tick> {
        let events: Vec<Event> = (0..INSTRUMENTS)
            .map(|_| {
                let (at, fields) = model.next_update();
                let symbol = symbols[at].clone();
                Event::Update(Update {
                    symbol,
                    fields,
                    ts_event: Some(Ts(number as i64)),
                    ts_recv: Ts(number as i64),
                })
            })
            .collect();
        beater.apply(&events, Ts(number as i64));
        number += 1;
        Arc::new(beater.seal(number, number, Ts(number as i64)))
    };
    shard.turn(&[beat()]);
    let mut random = fastrand::Rng::with_seed(7);
    for id in (0..subscribers).map(|n| SubscriberId(n as u64)) {
        let join = Join {
            id,
            socket: Sink,
            link: Arc::new(Link::default()),
            encoding,
            compression,
            pace_beats,
            allowance: Allowance::everything(100_000),
            is_authenticated: false,
        };
        shard.command(Command::Join(Box::new(join)));
        let own = random.choose_multiple(0..INSTRUMENTS, 10);
        let request = Request::Subscribe {
            request_id: 1,
            strings: own.into_iter().map(|at| SymbolPattern::Exact(symbol(at))).collect(),
            rejected: Vec::new(),
            resume: None,
        };
        shard.command(Command::Request(id, request));
    }
    let warm: Vec<Arc<Tick>> = (0..100).map(|_| beat()).collect();
    warm.iter().for_each(|tick| shard.turn(std::slice::from_ref(tick)));
    let ticks: Vec<Arc<Tick>> = (0..100).map(|_| beat()).collect();
    allocation_counter::measure(|| ticks.iter().for_each(|tick| shard.turn(std::slice::from_ref(tick)))).count_total
        / 100
}

#[test]
fn a_frame_asks_for_no_memory() {
    for encoding in Encoding::ALL {
        for (pace_beats, compression) in [
            (1, Compression::None),
            (1, Compression::Deflate),
            (10, Compression::None),
        ] {
            let (few, many) = (
                turn(20, pace_beats, encoding, compression),
                turn(400, pace_beats, encoding, compression),
            );
            // The turn itself has its lists; what 380 more frames ask for is nothing.
            assert!(
                many <= few + 10 && many < 60,
                "{encoding} {pace_beats}: {few} and {many} a turn"
            );
        }
    }
}

#[test]
fn the_counter_counts() {
    assert!(allocation_counter::measure(|| drop(std::hint::black_box(vec![1u8; 10]))).count_total > 0);
}
