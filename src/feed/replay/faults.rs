//! Faults between recording and timeline: the same seed makes the same ones.

use std::collections::VecDeque;
use std::time::Duration;

use metrics::Counter;
use rustc_hash::{FxHashMap, FxHashSet};

use super::merge::Merged;
use super::plan::Plan;
use super::source::Said;
use crate::control::Fault;
use crate::market::{Event, StaleCause, Symbol, TickerState, Ts};
use crate::monitor::names;
use crate::store::Image;
use crate::tape::TapeError;

/// A recording with faults, up to its plan's end. Without any fault it is the recording.
pub(super) struct Faulty {
    merged: Merged,
    until: Option<Ts>,
    spoiler: Option<Spoiler>,
    has_ended: bool,
}

impl Faulty {
    /// `part` numbers what is played with one seed: after a seek the faults are others, and again the same.
    pub(super) fn new(merged: Merged, plan: &Plan, part: u64) -> Faulty {
        let is_any = plan.faults.iter().any(Fault::is_of_stream);
        let seed = plan.fault_seed ^ part.wrapping_mul(0x9e37_79b9_7f4a_7c15);
        Faulty {
            merged,
            until: plan.to,
            spoiler: is_any.then(|| Spoiler::new(&plan.faults, seed)),
            has_ended: false,
        }
    }

    /// The next of what is said, faults included; `None` at the end.
    ///
    /// # Errors
    /// Those of the recording.
    pub(super) fn next(&mut self) -> Result<Option<(Ts, Said)>, TapeError> {
        loop {
            if let Some(ready) = self.spoiler.as_mut().and_then(|spoiler| spoiler.ready.pop_front()) {
                return Ok(Some(ready));
            }
            if self.has_ended {
                return Ok(None);
            }
            let is_within = |(ts, _): &(Ts, Said)| self.until.is_none_or(|until| *ts <= until);
            let next = self.merged.next()?.filter(is_within);
            match (&mut self.spoiler, next) {
                (None, next) => {
                    self.has_ended = next.is_none();
                    return Ok(next);
                }
                (Some(spoiler), Some((ts, said))) => spoiler.take(ts, said),
                (Some(spoiler), None) => {
                    self.has_ended = true;
                    spoiler.end();
                }
            }
        }
    }
}

/// Makes the faults.
struct Spoiler {
    drop: Share,
    duplicate: Share,
    reorder: Share,
    gap: Share,
    delay: Option<Delay>,
    /// Updates that wait for the next one of their instrument.
    held: FxHashMap<Symbol, Event>,
    /// Instruments stale because an update of theirs vanished.
    gaps: FxHashSet<Symbol>,
    /// Those that are not live in the recording.
    states: FxHashMap<Symbol, (TickerState, Option<StaleCause>)>,
    /// The newest time given out: a delay never overtakes.
    now: Ts,
    ready: VecDeque<(Ts, Said)>,
}

/// One fault's share. Each draws for itself, one number for every update: a share that is changed leaves the other faults
/// as they are.
struct Share {
    share: f64,
    random: fastrand::Rng,
    counter: Counter,
}

struct Delay {
    span_ns: (u64, u64),
    random: fastrand::Rng,
    counter: Counter,
}

impl Share {
    fn new(name: &'static str, seed: u64) -> Share {
        Share {
            share: 0.0,
            random: fastrand::Rng::with_seed(seed ^ salt(name)),
            counter: counter(name),
        }
    }

    fn hits(&mut self) -> bool {
        self.random.f64() < self.share
    }
}

fn counter(name: &'static str) -> Counter {
    metrics::counter!(names::FAULTS, "kind" => name)
}

/// Another seed for each fault.
fn salt(name: &str) -> u64 {
    name.bytes().fold(0, |salt: u64, byte| {
        salt.wrapping_mul(257).wrapping_add(u64::from(byte))
    })
}

impl Spoiler {
    fn new(faults: &[Fault], seed: u64) -> Spoiler {
        let share = |name| Share::new(name, seed);
        let mut spoiler = Spoiler {
            drop: share("drop"),
            duplicate: share("duplicate"),
            reorder: share("reorder"),
            gap: share("gap"),
            delay: None,
            held: FxHashMap::default(),
            gaps: FxHashSet::default(),
            states: FxHashMap::default(),
            now: Ts(i64::MIN),
            ready: VecDeque::new(),
        };
        for fault in faults {
            match *fault {
                Fault::Drop(share) => spoiler.drop.share = share,
                Fault::Duplicate(share) => spoiler.duplicate.share = share,
                Fault::Reorder(share) => spoiler.reorder.share = share,
                Fault::Gap(share) => spoiler.gap.share = share,
                Fault::Delay(least, most) => {
                    let ns = |span: Duration| u64::try_from(span.as_nanos()).unwrap_or(u64::MAX);
                    spoiler.delay = Some(Delay {
                        span_ns: (ns(least), ns(most)),
                        random: fastrand::Rng::with_seed(seed ^ salt("delay")),
                        counter: counter("delay"),
                    });
                }
                // Those of subscribers' sockets.
                Fault::DisconnectEvery(_) | Fault::SlowSocket(_) => {}
            }
        }
        spoiler
    }

    fn take(&mut self, ts: Ts, said: Said) {
        if let Some(delay) = &mut self.delay {
            let (least, most) = delay.span_ns;
            let later = Ts(ts.0.saturating_add_unsigned(delay.random.u64(least..=most)));
            self.now = later.max(self.now);
            delay.counter.increment(1);
        } else {
            self.now = ts;
        }
        match said {
            Said::Event(event) => self.event(event),
            Said::Image(image) => {
                self.image(&image);
                self.ready.push_back((self.now, Said::Image(image)));
            }
        }
    }

    /// What a tape begins with holds for all of its instruments.
    fn image(&mut self, image: &Image) {
        for instrument in &image.instruments {
            let symbol = &instrument.listing.symbol;
            self.gaps.remove(symbol.as_str());
            self.held.remove(symbol.as_str());
            self.note(symbol, instrument.state);
        }
    }

    fn event(&mut self, event: Event) {
        match &event {
            Event::Update(update) => {
                let symbol = update.symbol.clone();
                return self.update(symbol, event);
            }
            Event::State { symbol, state, cause } => {
                self.note(symbol, (*state, *cause));
                // It stays stale by the gap until its next update.
                if self.gaps.contains(symbol.as_str()) {
                    return;
                }
            }
            Event::Removed(symbol) => {
                // Or it would come back.
                let held = self.held.remove(symbol.as_str());
                self.states.remove(symbol.as_str());
                self.gaps.remove(symbol.as_str());
                self.ready.extend(held.map(|event| (self.now, Said::Event(event))));
            }
            Event::Listed { .. } | Event::Venue { .. } => {}
        }
        self.say(event);
    }

    fn note(&mut self, symbol: &Symbol, state: (TickerState, Option<StaleCause>)) {
        if state.0 == TickerState::Live {
            self.states.remove(symbol.as_str());
        } else {
            self.states.insert(symbol.clone(), state);
        }
    }

    fn update(&mut self, symbol: Symbol, event: Event) {
        let (drops, gaps) = (self.drop.hits(), self.gap.hits());
        let (reorders, duplicates) = (self.reorder.hits(), self.duplicate.hits());
        if drops {
            return self.drop.counter.increment(1);
        }
        if gaps {
            self.gap.counter.increment(1);
            self.say(state(&symbol, (TickerState::Stale, Some(StaleCause::Gap))));
            self.gaps.insert(symbol);
            return;
        }
        if self.gaps.remove(symbol.as_str()) {
            let known = self.states.get(symbol.as_str()).copied();
            self.say(state(&symbol, known.unwrap_or((TickerState::Live, None))));
        }
        let before = self.held.remove(symbol.as_str());
        if reorders && before.is_none() {
            self.held.insert(symbol, event);
            return;
        }
        if duplicates {
            self.duplicate.counter.increment(1);
            self.say(event.clone());
        }
        self.say(event);
        if let Some(before) = before {
            self.reorder.counter.increment(1);
            self.say(before);
        }
    }

    /// What still waits has nothing to change places with.
    fn end(&mut self) {
        let mut held: Vec<_> = self.held.drain().collect();
        held.sort_by(|(a, _), (b, _)| a.cmp(b));
        held.into_iter().for_each(|(_, event)| self.say(event));
    }

    fn say(&mut self, event: Event) {
        self.ready.push_back((self.now, Said::Event(event)));
    }
}

fn state(symbol: &Symbol, (state, cause): (TickerState, Option<StaleCause>)) -> Event {
    let symbol = symbol.clone();
    Event::State { symbol, state, cause }
}
