//! `--frames`: what a subscriber that was there before the first beat gets, written to a file without any socket.

use std::error::Error;
use std::io::{self, Write};
use std::mem;
use std::sync::{Arc, Mutex, PoisonError};

use sha2::{Digest, Sha256};

use crate::control::Inflow;
use crate::engine::{Beater, Demand, Tick, beat_number};
use crate::fanout::{Allowance, Command, FanoutConfig, Join, Link, Request, Shard, Socket, SubscriberId};
use crate::market::SymbolPattern;
use crate::store::Writer;
use crate::wire::{Compression, Encoding};

/// The subscriber's one request.
const REQUEST_ID: u64 = 1;

/// Who subscribes.
#[derive(Clone, Debug)]
pub(super) struct Subscriber {
    pub(super) symbols: Vec<SymbolPattern>,
    pub(super) encoding: Encoding,
    pub(super) compression: Compression,
}

/// What was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Frames {
    pub(super) messages: u64,
    pub(super) bytes: u64,
    /// SHA-256 of the file, in hexadecimal.
    pub(super) sha256: String,
}

/// Why the frames could not be written.
#[derive(Debug, thiserror::Error)]
pub(in crate::cli) enum FramesError<E: Error> {
    #[error("the frames cannot be written: {0}")]
    Write(#[from] io::Error),
    #[error(transparent)]
    Recording(E),
}

/// Plays a whole timeline to one subscriber and writes each message behind its length (u32, little-endian): from the
/// first snapshot on, without welcome, heartbeats and pongs. Through a socket the same messages come.
///
/// # Errors
/// The recording's fault, after all that came before it was written; or the output's.
pub(super) fn write<E: Error>(
    inflows: impl Iterator<Item = Result<Inflow, E>>,
    config: FanoutConfig,
    instruments_max: usize,
    subscriber: Subscriber,
    out: impl Write,
) -> Result<Frames, FramesError<E>> {
    let demand = Arc::new(Demand::default());
    let mut ts = config.clock.start();
    let mut beater = Beater::new(Writer::new(instruments_max), demand.clone(), config.epoch);
    let allowance = config.allowance();
    let mut shard = Shard::new(config, demand, Box::new(|| {}));
    let mut output = Output::new(out);
    let wire = join(&mut shard, subscriber, allowance);
    output.take(&wire)?;
    for inflow in inflows {
        match inflow.map_err(FramesError::Recording)? {
            Inflow::Events { now, events, .. } => beater.apply(&events, now.unwrap_or(ts)),
            Inflow::Restore(image) => beater.restore(&image),
            Inflow::Renew { epoch, image } => beater.renew(epoch, &image),
            Inflow::Beat(end) => {
                ts = end;
                turn(&mut shard, beater.seal(beat_number(ts), 0, ts));
                // A long snapshot takes several turns, during which the timeline stands still.
                while !shard.owes_nothing() {
                    turn(&mut shard, beater.idle(beat_number(ts), 0, ts));
                    output.take(&wire)?;
                }
                output.take(&wire)?;
            }
        }
    }
    Ok(output.finish()?)
}

fn turn(shard: &mut Shard<Memory>, tick: Tick) {
    shard.turn(&[Arc::new(tick)]);
}

/// Has the subscriber ask for its symbols, and gives what its socket takes.
fn join(shard: &mut Shard<Memory>, subscriber: Subscriber, allowance: Allowance) -> Memory {
    let (wire, id) = (Memory::default(), SubscriberId(1));
    shard.command(Command::Join(Box::new(Join {
        id,
        socket: wire.clone(),
        link: Arc::new(Link::default()),
        encoding: subscriber.encoding,
        compression: subscriber.compression,
        pace_beats: 1,
        allowance,
        is_authenticated: false,
    })));
    let subscribe = Request::Subscribe {
        request_id: REQUEST_ID,
        strings: subscriber.symbols,
        rejected: Vec::new(),
        resume: None,
    };
    shard.command(Command::Request(id, subscribe));
    wire
}

/// A socket that takes everything.
#[derive(Clone, Debug, Default)]
struct Memory(Arc<Mutex<Vec<u8>>>);

impl Memory {
    fn drain(&self) -> Vec<u8> {
        mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Socket for Memory {
    fn send(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn abort(&mut self) {}
}

/// Messages out of WebSocket frames, behind their lengths.
struct Output<W> {
    out: W,
    hash: Sha256,
    /// Messages that are not written.
    skip: u64,
    messages: u64,
    bytes: u64,
}

impl<W: Write> Output<W> {
    fn new(out: W) -> Output<W> {
        Output {
            out,
            hash: Sha256::new(),
            // The welcome comes first and once.
            skip: 1,
            messages: 0,
            bytes: 0,
        }
    }

    fn take(&mut self, wire: &Memory) -> io::Result<()> {
        let bytes = wire.drain();
        let mut rest = bytes.as_slice();
        while let Some((message, after)) = split_frame(rest) {
            rest = after;
            if self.skip > 0 {
                self.skip -= 1;
            } else {
                self.write(message)?;
            }
        }
        Ok(())
    }

    fn write(&mut self, message: &[u8]) -> io::Result<()> {
        let length = u32::try_from(message.len()).map_err(io::Error::other)?.to_le_bytes();
        for bytes in [&length[..], message] {
            self.hash.update(bytes);
            self.out.write_all(bytes)?;
            self.bytes += bytes.len() as u64;
        }
        self.messages += 1;
        Ok(())
    }

    fn finish(mut self) -> io::Result<Frames> {
        self.out.flush()?;
        let sha256 = self.hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect();
        Ok(Frames {
            messages: self.messages,
            bytes: self.bytes,
            sha256,
        })
    }
}

/// The payload of the first frame, and what is behind it (RFC 6455, 5.2; a server's frames have no mask).
fn split_frame(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (length, head) = match *bytes.get(1)? {
        126 => (usize::from(u16::from_be_bytes(bytes.get(2..4)?.try_into().ok()?)), 4),
        127 => (
            usize::try_from(u64::from_be_bytes(bytes.get(2..10)?.try_into().ok()?)).ok()?,
            10,
        ),
        length => (usize::from(length), 2),
    };
    let rest = bytes.get(head..)?;
    (rest.len() >= length).then(|| rest.split_at(length))
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use super::*;
    use crate::engine::Clock;
    use crate::engine::Lockstep;
    use crate::market::{Decimal, Event, Field, Fields, Symbol, Ts, Update};
    use crate::store::{Epoch, Image};
    use crate::wire::proto::server_message::Body;
    use crate::wire::{DecodeLimits, decode_server};

    const MS: i64 = 1_000_000;

    fn config() -> FanoutConfig {
        FanoutConfig {
            epoch: Epoch::new(5).expect("an epoch"),
            clock: Clock::Tape {
                start: Ts(990 * MS),
                patience: std::time::Duration::from_secs(1),
                lockstep: Arc::new(Lockstep::new(1)),
            },
            frame_bytes_max: 65_536,
            heartbeat_beats: 100,
            slow_deadline_beats: 3_000,
            symbols_max: 1_000,
            message_bytes_max: 65_536,
            io_uring: false,
        }
    }

    fn update(symbol: &str, price: i64, beat: i64) -> Inflow {
        let mut fields = Fields::new();
        fields.set(Field::BidPrice, Decimal::from_int(price));
        let update = Update {
            symbol: Symbol::parse(symbol).expect(symbol),
            fields,
            ts_event: Some(Ts((beat - 3) * MS)),
            ts_recv: Ts((beat - 1) * MS),
        };
        Inflow::Events {
            handed: std::time::Instant::now(),
            now: Some(Ts(beat * MS)),
            events: Arc::new(vec![Event::Update(update)]),
        }
    }

    fn timeline() -> Vec<Inflow> {
        vec![
            update("a:B", 1, 1_000),
            update("a:C", 1, 1_000),
            Inflow::Beat(Ts(1_000 * MS)),
            update("a:B", 2, 1_010),
            Inflow::Beat(Ts(1_010 * MS)),
            Inflow::Beat(Ts(1_020 * MS)),
            Inflow::Renew {
                epoch: Epoch::new(6).expect("an epoch"),
                image: Box::new(Image::default()),
            },
            update("a:B", 3, 1_000),
            Inflow::Beat(Ts(1_000 * MS)),
        ]
    }

    fn written(encoding: Encoding, compression: Compression) -> (Vec<u8>, Frames) {
        let subscriber = Subscriber {
            symbols: vec![SymbolPattern::parse("a:B").expect("a symbol")],
            encoding,
            compression,
        };
        let (mut out, items) = (Vec::new(), timeline().into_iter().map(Ok::<_, Infallible>));
        let frames = write(items, config(), 100, subscriber, &mut out).expect("memory");
        (out, frames)
    }

    fn bodies(encoding: Encoding, mut bytes: &[u8]) -> Vec<Body> {
        let mut bodies = Vec::new();
        while let Some((length, rest)) = bytes.split_first_chunk::<4>() {
            let (message, after) = rest.split_at(u32::from_le_bytes(*length) as usize);
            let is_text = encoding == Encoding::Json;
            let message = decode_server(encoding, is_text, message, &DecodeLimits::default()).expect("a message");
            bodies.push(message.body.expect("a body"));
            bytes = after;
        }
        bodies
    }

    #[test]
    fn frames_begin_with_the_snapshot_and_are_the_same_each_time() {
        for encoding in Encoding::ALL {
            let (bytes, frames) = written(encoding, Compression::None);
            assert_eq!(written(encoding, Compression::None), (bytes.clone(), frames.clone()));
            assert_eq!((frames.messages, frames.bytes), (4, bytes.len() as u64));
            let [
                Body::Snapshot(first),
                Body::Delta(one),
                Body::Delta(two),
                Body::Snapshot(anew),
            ] = &bodies(encoding, &bytes)[..]
            else {
                panic!("{:?}", bodies(encoding, &bytes));
            };
            assert_eq!(
                (first.epoch, first.seq, first.ts, first.request_id),
                (5, 0, 990_000_000, 1)
            );
            assert_eq!(first.pending, ["a:B"]);
            assert_eq!(
                (one.seq, one.ts, one.tickers[0].event_age_us),
                (1, 1_000_000_000, Some(3_000))
            );
            assert_eq!((two.seq, two.tickers[0].bid_price), (2, Some(2)));
            assert_eq!((anew.epoch, anew.request_id, anew.tickers.len()), (6, 0, 1));
        }
    }
}
