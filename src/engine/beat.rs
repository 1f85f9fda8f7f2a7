//! One beat without a clock: apply, seal, encode once.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::time::Instant;

use metrics::{Counter, Gauge};

use crate::market::{Event, Ts};
use crate::monitor::names;
use crate::store::{Epoch, Image, SealedBeat, Writer};
use crate::wire::{Chunks, Encoding};

/// Subscribers per encoding: what nobody reads is not encoded.
#[derive(Debug, Default)]
pub struct Demand {
    by_encoding: [AtomicUsize; 3],
    /// Those of a longer pace.
    paced: AtomicUsize,
}

impl Demand {
    /// Notes a subscriber.
    pub fn join(&self, encoding: Encoding) {
        self.by_encoding[encoding as usize].fetch_add(1, Relaxed);
    }

    /// Notes that a subscriber has gone.
    pub fn leave(&self, encoding: Encoding) {
        self.by_encoding[encoding as usize].fetch_sub(1, Relaxed);
    }

    /// Notes a subscriber that is not of every beat; or that it no longer is one.
    pub fn pace(&self, is_longer: bool, was_longer: bool) {
        match (is_longer, was_longer) {
            (true, false) => _ = self.paced.fetch_add(1, Relaxed),
            (false, true) => _ = self.paced.fetch_sub(1, Relaxed),
            _ => {}
        }
    }

    /// Whether a beat in which nothing changed may still be one in which something is sent.
    pub fn is_paced(&self) -> bool {
        self.paced.load(Relaxed) > 0
    }

    /// Subscribers in all.
    pub fn total(&self) -> usize {
        self.by_encoding.iter().map(|count| count.load(Relaxed)).sum()
    }

    /// Whether anyone reads this encoding.
    pub fn wants(&self, encoding: Encoding) -> bool {
        self.by_encoding[encoding as usize].load(Relaxed) > 0
    }
}

/// What the engine publishes at each beat of its timer, immutable and shared.
#[derive(Debug)]
pub struct Tick {
    /// Number of the timeline's beat: by the timer, or by the tape's time. Paces fall due by it.
    pub number: u64,
    /// Number of the timer's beat since the start, by the monotonic clock: deadlines and heartbeats go by it.
    pub wall: u64,
    /// The timeline's time.
    pub ts: Ts,
    /// The timeline. With another one than the tick before, all that was before is void.
    pub epoch: Epoch,
    /// When it was sealed; for measuring lag alone.
    pub sealed: Instant,
    /// What changed, if anything did.
    pub beat: Option<SealedBeat>,
    chunks: [Option<Chunks>; 3],
}

impl Tick {
    /// The beat's changed instruments, then its changed venues, in one encoding, in the order of the
    /// beat; `None` where nobody had asked for that encoding when the beat was sealed.
    pub fn chunks(&self, encoding: Encoding) -> Option<&Chunks> {
        self.chunks[encoding as usize].as_ref()
    }
}

/// The engine's work without its thread.
pub struct Beater {
    writer: Writer,
    epoch: Epoch,
    /// The epoch of the newest sealed beat: a new one is told with its first.
    told: Epoch,
    demand: Arc<Demand>,
    /// Updates of each venue, those that changed something, and those conflated; places as in the store.
    by_venue: Vec<[Counter; 3]>,
    misfits: Counter,
    refused: Counter,
    instruments: Gauge,
}

impl Beater {
    /// Takes the store's writer and the epoch that it begins with; the demand says what to encode.
    pub fn new(writer: Writer, demand: Arc<Demand>, epoch: Epoch) -> Beater {
        Beater {
            writer,
            epoch,
            told: epoch,
            demand,
            by_venue: Vec::new(),
            misfits: metrics::counter!(names::MISFITS),
            refused: metrics::counter!(names::REFUSED),
            instruments: metrics::gauge!(names::INSTRUMENTS),
        }
    }

    /// Takes a batch into the open beat.
    pub fn apply(&mut self, batch: &[Event], now: Ts) {
        batch.iter().for_each(|event| self.writer.apply(event, now));
    }

    /// The epoch of the newest sealed beat.
    pub fn told_epoch(&self) -> Epoch {
        self.told
    }

    /// Whether a beat in which nothing changed may still be one in which something is sent.
    pub(super) fn is_paced(&self) -> bool {
        self.demand.is_paced()
    }

    /// The newest state of everything, the open beat's included.
    pub fn image(&self) -> Image {
        self.writer.image()
    }

    /// Makes instruments and venues what an image has them.
    pub fn restore(&mut self, image: &Image) {
        self.writer.restore(image);
    }

    /// Begins a new epoch with an image; what the open beat had changed is void.
    pub fn renew(&mut self, epoch: Epoch, image: &Image) {
        self.epoch = epoch;
        self.writer.renew(image);
    }

    /// A tick between two beats: nothing is sealed.
    pub fn idle(&self, number: u64, wall: u64, ts: Ts) -> Tick {
        Tick {
            number,
            wall,
            ts,
            epoch: self.told,
            sealed: Instant::now(),
            beat: None,
            chunks: [None, None, None],
        }
    }

    /// Seals the open beat and encodes what it changed.
    pub fn seal(&mut self, number: u64, wall: u64, ts: Ts) -> Tick {
        self.told = self.epoch;
        let beat = self.writer.seal(ts);
        self.count(beat.as_ref());
        let encode = |encoding| {
            let beat = beat.as_ref().filter(|_| self.demand.wants(encoding))?;
            let mut chunks = Chunks::new(encoding);
            beat.changes
                .iter()
                .for_each(|change| chunks.push(&self.writer.entry(change), ts));
            beat.venues.iter().for_each(|venue| chunks.push_venue_twice(venue));
            Some(chunks)
        };
        let chunks = Encoding::ALL.map(encode);
        Tick {
            beat,
            chunks,
            ..self.idle(number, wall, ts)
        }
    }

    /// Brings the store's counts to the metrics; the server's own instruments are none of a feed.
    fn count(&mut self, beat: Option<&SealedBeat>) {
        let counts = self.writer.counts();
        self.misfits.absolute(counts.misfits);
        self.refused.absolute(counts.refused);
        self.instruments.set(self.writer.len_of_feeds() as f64);
        let by_venue = self.writer.venue_counts();
        for of_venue in &by_venue[self.by_venue.len()..] {
            let counter = |name: &'static str| match of_venue.venue.starts_with('$') {
                true => Counter::noop(),
                false => metrics::counter!(name, "venue" => of_venue.venue.to_string()),
            };
            self.by_venue
                .push([names::UPDATES, names::UPDATES_CHANGED, names::UPDATES_CONFLATED].map(counter));
        }
        for (of_venue, [updates, changed, conflated]) in by_venue.iter().zip(&self.by_venue) {
            updates.absolute(of_venue.updates);
            changed.absolute(of_venue.changed);
            conflated.absolute(of_venue.conflated);
        }
        let changed_venues = beat.iter().flat_map(|beat| &beat.venues);
        for venue in changed_venues.filter(|venue| !venue.name.is_server_own()) {
            let name = venue.name.to_string();
            metrics::gauge!(names::VENUE_STATE, "venue" => name).set(f64::from(venue.state as u8));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::market::{Decimal, Field, Fields, Symbol, Update};

    fn epoch() -> Epoch {
        Epoch::new(7).expect("an epoch")
    }

    fn update(price: i64) -> Event {
        let mut fields = Fields::new();
        fields.set(Field::BidPrice, Decimal::from_int(price));
        let symbol = Symbol::parse("a:B").expect("a symbol");
        Event::Update(Update {
            symbol,
            fields,
            ts_event: None,
            ts_recv: Ts(0),
        })
    }

    #[test]
    fn what_nobody_reads_is_not_encoded_and_what_is_read_is_encoded_once() {
        let demand = Arc::new(Demand::default());
        let mut beater = Beater::new(Writer::new(10), demand.clone(), epoch());
        beater.apply(&[update(1), update(2)], Ts(1));
        let tick = beater.seal(1, 1, Ts(1));
        assert!(Encoding::ALL.iter().all(|e| tick.chunks(*e).is_none()));
        demand.join(Encoding::Json);
        beater.apply(&[update(3)], Ts(2));
        let tick = beater.seal(2, 2, Ts(2));
        assert_eq!(tick.chunks(Encoding::Json).map(Chunks::len), Some(1));
        assert!(tick.chunks(Encoding::Protobuf).is_none());
        demand.leave(Encoding::Json);
        assert_eq!(demand.total(), 0);
    }

    #[test]
    fn a_beat_without_change_is_a_tick_without_seq() {
        let mut beater = Beater::new(Writer::new(10), Arc::default(), epoch());
        beater.apply(&[update(1)], Ts(1));
        assert_eq!(beater.seal(1, 1, Ts(1)).beat.map(|b| b.seq.0), Some(1));
        beater.apply(&[update(1)], Ts(2));
        let tick = beater.seal(2, 2, Ts(2));
        assert_eq!((tick.number, tick.beat), (2, None));
    }
}
