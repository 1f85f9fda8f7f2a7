//! Faults between recording and timeline: the same seed makes the same ones.

use std::collections::VecDeque;
use std::time::Duration;

use rustc_hash::{FxHashMap, FxHashSet};

use super::merge::Merged;
use super::source::Said;
use crate::control::Fault;
use crate::market::{Event, StaleCause, Symbol, TickerState, Ts};
use crate::monitor::names;
use crate::tape::TapeError;

/// A recording with faults. Without any it is the recording.
pub(super) struct Faulty {
    merged: Merged,
    shares: Shares,
    random: fastrand::Rng,
    /// An update that waits for the next one of its instrument.
    held: FxHashMap<Symbol, Event>,
    /// Instruments stale because an update of theirs vanished.
    gaps: FxHashSet<Symbol>,
    /// The newest time given out: a delay never overtakes.
    now: Ts,
    ready: VecDeque<(Ts, Said)>,
}

/// How much of each fault.
#[derive(Clone, Copy, Debug, Default)]
struct Shares {
    drop: f64,
    duplicate: f64,
    reorder: f64,
    gap: f64,
    delay: Option<(Duration, Duration)>,
}

impl Faulty {
    /// `part` numbers what is played with one seed: after a seek the faults are others, and again the same.
    pub(super) fn new(merged: Merged, faults: &[Fault], seed: u64, part: u64) -> Faulty {
        let mut shares = Shares::default();
        for fault in faults {
            match *fault {
                Fault::Drop(share) => shares.drop = share,
                Fault::Duplicate(share) => shares.duplicate = share,
                Fault::Reorder(share) => shares.reorder = share,
                Fault::Gap(share) => shares.gap = share,
                Fault::Delay(least, most) => shares.delay = Some((least, most)),
                // Those of subscribers' sockets.
                Fault::DisconnectEvery(_) | Fault::SlowSocket(_) => {}
            }
        }
        Faulty {
            merged,
            shares,
            random: fastrand::Rng::with_seed(seed ^ part.wrapping_mul(0x9e37_79b9_7f4a_7c15)),
            held: FxHashMap::default(),
            gaps: FxHashSet::default(),
            now: Ts(i64::MIN),
            ready: VecDeque::new(),
        }
    }

    /// The next of what is said, faults included; `None` at the end.
    ///
    /// # Errors
    /// Those of the recording.
    pub(super) fn next(&mut self) -> Result<Option<(Ts, Said)>, TapeError> {
        while self.ready.is_empty() {
            match self.merged.next()? {
                Some((ts, said)) => self.take(ts, said),
                None if self.held.is_empty() => return Ok(None),
                None => {
                    let mut held: Vec<_> = self.held.drain().collect();
                    held.sort_by(|(a, _), (b, _)| a.cmp(b));
                    let now = self.now;
                    self.ready
                        .extend(held.into_iter().map(|(_, event)| (now, Said::Event(event))));
                }
            }
        }
        Ok(self.ready.pop_front())
    }

    fn take(&mut self, ts: Ts, said: Said) {
        let ts = self.delayed(ts);
        self.now = ts;
        match said {
            Said::Event(Event::Update(_)) if self.is_harmless() => self.ready.push_back((ts, said)),
            Said::Event(event @ Event::Update(_)) => self.update(ts, event),
            said => self.ready.push_back((ts, said)),
        }
    }

    fn is_harmless(&self) -> bool {
        let Shares {
            drop,
            duplicate,
            reorder,
            gap,
            ..
        } = self.shares;
        drop + duplicate + reorder + gap == 0.0
    }

    fn delayed(&mut self, ts: Ts) -> Ts {
        let Some((least, most)) = self.shares.delay else {
            return ts;
        };
        let delay = self.random.u64(least.as_nanos() as u64..=most.as_nanos() as u64);
        count("delay");
        Ts(ts.0.saturating_add_unsigned(delay)).max(self.now)
    }

    fn update(&mut self, ts: Ts, event: Event) {
        let Event::Update(update) = &event else { return };
        let symbol = update.symbol.clone();
        // One number for each kind and update, whatever happened before: a share changed leaves the others' as they are.
        let [drop, duplicate, reorder, gap] = [(); 4].map(|()| self.random.f64());
        let mut say = |event| self.ready.push_back((ts, Said::Event(event)));
        if drop < self.shares.drop {
            return count("drop");
        }
        if gap < self.shares.gap {
            say(state(&symbol, TickerState::Stale, Some(StaleCause::Gap)));
            self.gaps.insert(symbol);
            return count("gap");
        }
        if self.gaps.remove(&symbol) {
            say(state(&symbol, TickerState::Live, None));
        }
        if let Some(before) = self.held.remove(&symbol) {
            say(event);
            return say(before);
        }
        if reorder < self.shares.reorder {
            self.held.insert(symbol, event);
            return count("reorder");
        }
        if duplicate < self.shares.duplicate {
            say(event.clone());
            count("duplicate");
        }
        say(event);
    }
}

fn state(symbol: &Symbol, state: TickerState, cause: Option<StaleCause>) -> Event {
    let symbol = symbol.clone();
    Event::State { symbol, state, cause }
}

fn count(kind: &'static str) {
    metrics::counter!(names::FAULTS, "kind" => kind).increment(1);
}
