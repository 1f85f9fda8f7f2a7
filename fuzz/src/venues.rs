//! The venues' parsers: an input is the frames of one connection, one a line.

use serde_json::value::RawValue;
use tickwire::feed::parse::{Counts, FrameParser};
use tickwire::feed::{Batch, binance as binance_venue, coinbase as coinbase_venue};
use tickwire::feed::{coinbase_exchange as exchange_venue, kraken as kraken_venue};
use tickwire::market::{Ts, VenueName};

use super::kraken_book::Books;
use super::parsed::{Promises, Watched};

type Make = fn(VenueName) -> Box<dyn FrameParser>;

/// Frames of Binance. What an array of messages gives is what they give one by one.
pub fn binance(input: &[u8]) {
    const VENUE: &str = binance_venue::VENUE;
    let make: Make = |venue| Box::new(binance_venue::Parser::new(venue));
    let promises = Promises {
        is_never_crossed: false,
        says_states_once: true,
    };
    let frames: Vec<&[u8]> = lines(input).collect();
    let (events, counts) = fed(VENUE, make, promises, frames.iter().copied().map(Vec::from));
    let singles = frames
        .iter()
        .flat_map(|frame| match serde_json::from_slice::<Vec<&RawValue>>(frame) {
            Ok(messages) => messages.iter().map(|m| format!("[{}]", m.get()).into_bytes()).collect(),
            Err(_) => vec![frame.to_vec()],
        });
    let (single_events, single_counts) = fed(VENUE, make, promises, singles);
    let no_frames = |counts: Counts| Counts { frames: 0, ..counts };
    assert_eq!(no_frames(counts), no_frames(single_counts));
    assert!(
        without_time(events) == without_time(single_events),
        "an array is not its messages"
    );
}

/// Frames of Coinbase Advanced Trade.
pub fn coinbase(input: &[u8]) {
    let promises = Promises {
        is_never_crossed: true,
        says_states_once: true,
    };
    let make: Make = |venue| Box::new(coinbase_venue::Parser::new(venue));
    fed(coinbase_venue::VENUE, make, promises, lines(input).map(Vec::from));
}

/// Frames of Coinbase Exchange.
pub fn coinbase_exchange(input: &[u8]) {
    let promises = Promises {
        is_never_crossed: true,
        says_states_once: true,
    };
    let make: Make = |venue| Box::new(exchange_venue::Parser::new(venue));
    fed(exchange_venue::VENUE, make, promises, lines(input).map(Vec::from));
}

/// Frames of Kraken. `"checksum":@` stands for the right one, which no change made by chance would leave right.
///
/// A crossed book whose checksum is right is the venue's own and is told. A trade's gap may say LIVE once more.
pub fn kraken(input: &[u8]) {
    let promises = Promises {
        is_never_crossed: false,
        says_states_once: false,
    };
    let make: Make = |venue| Box::new(kraken_venue::Parser::new(venue));
    let mut books = Books::default();
    fed(
        kraken_venue::VENUE,
        make,
        promises,
        lines(input).map(|line| books.completed(line)),
    );
}

fn lines(input: &[u8]) -> impl Iterator<Item = &[u8]> {
    input.split(|byte| *byte == b'\n')
}

/// Feeds frames to a parser under watch, and to another one that adds to one batch: what stands there is none of its
/// business.
fn fed(venue: &str, make: Make, promises: Promises, frames: impl Iterator<Item = Vec<u8>>) -> (Batch, Counts) {
    let venue = VenueName::parse(venue).expect("a venue's name");
    let mut watched = Watched::new(make(venue.clone()), venue.clone(), promises);
    let mut other = make(venue);
    let (mut events, mut batch) = (Batch::new(), Batch::new());
    for (ts_recv, frame) in (1..).map(Ts).zip(frames) {
        events.extend(watched.frame(&frame, ts_recv));
        let _ = other.frame(&frame, ts_recv, &mut batch);
        assert_eq!(watched.counts().frames, ts_recv.0 as u64);
    }
    assert!(events == batch, "the same frames gave other events");
    assert_eq!(watched.counts(), other.counts());
    (events, watched.counts())
}

fn without_time(mut events: Batch) -> Batch {
    for event in &mut events {
        if let tickwire::market::Event::Update(update) = event {
            update.ts_recv = Ts(0);
        }
    }
    events
}
