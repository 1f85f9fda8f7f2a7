//! A recording in steps of its own time: what is said, and where beats end. The one source of all that is played.

use std::collections::VecDeque;
use std::sync::Arc;

use super::beats::{BEAT_NS, beat_of};
use super::faults::Faulty;
use super::merge::Merged;
use super::plan::Plan;
use super::source::Said;
use crate::feed::SpecError;
use crate::market::{Event, Ts, VenueState};
use crate::store::Image;
use crate::tape::TapeError;

/// Empty beats in a row that are told: a minute, the longest pace that a subscriber may have, so that everybody has got
/// what was left. Then the timeline goes on where something is said.
const EMPTY_BEATS_MAX: u32 = 6_001;

/// A step of the timeline.
#[derive(Clone, Debug)]
pub(super) struct Step {
    /// When it is due.
    pub(super) at: Ts,
    pub(super) what: What,
}

#[derive(Clone, Debug)]
#[allow(clippy::large_enum_variant)] // nearly all is events
pub(super) enum What {
    Event(Event),
    Image(Box<Image>),
    /// A beat ends, at this time.
    Beat,
}

/// The steps, one after the other.
pub(super) struct Timeline {
    plan: Arc<Plan>,
    faulty: Faulty,
    /// The end of the beat under way.
    beat: Ts,
    /// The newest beat whose end was told, or the one before the first.
    told: Ts,
    /// Read ahead: the first of a later beat.
    next: Option<(Ts, Said)>,
    ready: VecDeque<Step>,
    has_ended: bool,
    /// Told after all that came before it.
    fault: Option<TapeError>,
}

impl Timeline {
    /// Begins at the plan's beginning, or with the state at the beat `at`, which is then the first that ends. Blocks on
    /// the file system. `part` numbers the timelines of one plan.
    ///
    /// # Errors
    /// The recordings cannot be read up to there.
    pub(super) fn open(plan: &Arc<Plan>, at: Option<Ts>, part: u64) -> Result<Timeline, SpecError> {
        let mut merged = Merged::open(&plan.labels)?;
        let mut ready = VecDeque::new();
        let at = at.or(plan.from.map(|_| plan.start()));
        if let Some(at) = at {
            let image = merged.seek(at)?;
            let what = What::Image(Box::new(image));
            ready.extend([Step { at, what }, Step { at, what: What::Beat }]);
        }
        Ok(Timeline {
            plan: plan.clone(),
            faulty: Faulty::new(merged, plan, part),
            beat: at.unwrap_or(plan.start()),
            told: at.unwrap_or(plan.start()),
            next: None,
            ready,
            has_ended: false,
            fault: None,
        })
    }

    /// The next step; `None` at the end.
    ///
    /// # Errors
    /// Those of the recordings; after them comes nothing.
    pub(super) fn next(&mut self) -> Result<Option<Step>, TapeError> {
        loop {
            if let Some(step) = self.ready.pop_front() {
                return Ok(Some(step));
            }
            if self.has_ended {
                return self.fault.take().map_or(Ok(None), Err);
            }
            let next = match self.next.take() {
                Some(next) => Ok(Some(next)),
                None => self.faulty.next(),
            };
            let next = match next {
                Ok(next) => next,
                Err(fault) => {
                    // What came before it is told.
                    (self.has_ended, self.fault) = (true, Some(fault));
                    self.tell_beat();
                    continue;
                }
            };
            match next {
                // By beats: the end of the last beat there is stands before the last times there are.
                Some((at, said)) if beat_of(at) <= self.beat => {
                    let what = match said {
                        Said::Event(event) => What::Event(event),
                        Said::Image(image) => What::Image(image),
                    };
                    return Ok(Some(Step { at, what }));
                }
                Some((at, said)) => {
                    self.pass_beats(at);
                    self.next = Some((at, said));
                }
                None => self.end(),
            }
        }
    }

    /// Ends the beat under way and all that are empty up to the one of `at`.
    fn pass_beats(&mut self, at: Ts) {
        let until = beat_of(at);
        let mut told = 0;
        while self.beat < until {
            self.tell_beat();
            told += 1;
            self.beat = if told < EMPTY_BEATS_MAX {
                Ts(self.beat.0.saturating_add(BEAT_NS))
            } else {
                until
            };
        }
    }

    /// Ends the beat under way, unless that was told.
    fn tell_beat(&mut self) {
        if self.beat > self.told {
            self.told = self.beat;
            self.ready.push_back(Step {
                at: self.beat,
                what: What::Beat,
            });
        }
    }

    /// The last beat, and one more that says so.
    fn end(&mut self) {
        self.has_ended = true;
        self.tell_beat();
        if self.plan.tells_end() {
            self.beat = Ts(self.beat.0.saturating_add(BEAT_NS));
            for venue in self.plan.venues() {
                let (state, reason) = (VenueState::Down, "replay ended".to_owned());
                let what = What::Event(Event::Venue { venue, state, reason });
                self.ready.push_back(Step { at: self.beat, what });
            }
            self.tell_beat();
        }
    }
}
