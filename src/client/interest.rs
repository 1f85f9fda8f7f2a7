//! The strings a subscriber asks for: which are held, which are asked, up to where each was known.

use std::collections::BTreeMap;

use rustc_hash::FxHashSet;

use super::limits::SUBSCRIBE_BYTES_MAX;
use crate::market::{InstrumentId, Symbol, SymbolPattern};

/// Where a string stands on this connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Phase {
    /// To be asked for.
    Wanted,
    /// Asked for by this request, whose last part has not come.
    Asked(u64),
    /// Complete: its instruments are known up to own seq.
    Held,
    /// Taken back by this request, whose ack has not come.
    Leaving(u64),
}

/// One string.
#[derive(Clone, Debug)]
struct Interest {
    pattern: SymbolPattern,
    phase: Phase,
    /// While not held: the seq up to which its instruments were known completely, in the view's epoch.
    known: Option<u64>,
    /// Something of it was lost: until its next answer, entries may come whose announcement is missed.
    is_repair: bool,
}

/// A subscribe whose answer has not ended.
#[derive(Clone, Debug, Default)]
pub(super) struct Answering {
    /// A first part has come.
    pub(super) is_begun: bool,
    /// Something was lost between its parts: the answer is no basis, it must be asked for again.
    pub(super) is_tainted: bool,
    /// Of a whole answer: instruments known before and not yet named; at the last part they are gone.
    pub(super) unnamed: FxHashSet<InstrumentId>,
}

/// A subscribe to be sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Ask {
    pub(super) request_id: u64,
    pub(super) strings: Vec<String>,
    /// The seq to resume from.
    pub(super) known: Option<u64>,
}

/// All strings of a subscriber.
#[derive(Clone, Debug, Default)]
pub(super) struct Interests {
    strings: BTreeMap<String, Interest>,
    answering: BTreeMap<u64, Answering>,
    /// A new epoch is being told unasked, and its last part has not come: nothing held is known completely.
    is_renewing: bool,
    summary: Summary,
}

/// What is asked at each delta, kept so that its cost does not grow with the strings.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Summary {
    /// A string is held.
    pub(super) any_held: bool,
    /// A string is to be asked for.
    pub(super) any_wanted: bool,
    /// There is a string, and all of them are held.
    pub(super) all_held: bool,
    /// Something lost is not yet repaired.
    pub(super) is_repairing: bool,
}

impl Interests {
    /// As of the last [`Interests::refresh`].
    pub(super) fn summary(&self) -> Summary {
        self.summary
    }

    /// To be called after any change.
    pub(super) fn refresh(&mut self) {
        let any = |is_meant: fn(&Interest) -> bool| self.strings.values().any(is_meant);
        self.summary = Summary {
            any_held: any(|i| i.phase == Phase::Held),
            any_wanted: any(|i| i.phase == Phase::Wanted),
            all_held: !self.is_renewing && !self.strings.is_empty() && !any(|i| i.phase != Phase::Held),
            is_repairing: any(|i| i.is_repair) || self.answering.values().any(|a| a.is_tainted),
        };
    }

    pub(super) fn len(&self) -> usize {
        self.strings.len()
    }

    /// Wants a string, whole; one that is there already is asked for again.
    pub(super) fn want(&mut self, pattern: SymbolPattern) {
        let text = pattern.as_str().to_owned();
        // The server may hold it already: what was lost of it is so until the answer.
        let is_repair = self.strings.get(&text).is_some_and(|i| i.is_repair);
        let interest = Interest {
            pattern,
            phase: Phase::Wanted,
            known: None,
            is_repair,
        };
        self.strings.insert(text, interest);
    }

    /// Takes strings back; those that were never asked for on this connection are gone at once.
    ///
    /// Returns those for which the server must be told with `request_id`.
    pub(super) fn leave(&mut self, strings: &[String], request_id: u64) -> Vec<String> {
        let mut told = Vec::new();
        for text in strings {
            match self.strings.get_mut(text) {
                Some(interest) if interest.phase == Phase::Wanted => {
                    self.strings.remove(text);
                }
                Some(Interest {
                    phase: Phase::Leaving(_),
                    ..
                })
                | None => {}
                Some(interest) => {
                    interest.phase = Phase::Leaving(request_id);
                    told.push(text.clone());
                }
            }
        }
        told
    }

    /// Groups what is wanted by where it was known up to, at most [`SUBSCRIBE_BYTES_MAX`] to a request.
    pub(super) fn ask(&mut self, mut next_request_id: impl FnMut() -> u64) -> Vec<Ask> {
        let mut groups: BTreeMap<Option<u64>, Vec<Vec<String>>> = BTreeMap::new();
        let mut bytes: BTreeMap<Option<u64>, usize> = BTreeMap::new();
        for (text, interest) in self.strings.iter().filter(|(_, i)| i.phase == Phase::Wanted) {
            let requests = groups.entry(interest.known).or_default();
            let used = bytes.entry(interest.known).or_default();
            if requests.is_empty() || *used + text.len() > SUBSCRIBE_BYTES_MAX {
                requests.push(Vec::new());
                *used = 0;
            }
            *used += text.len();
            if let Some(last) = requests.last_mut() {
                last.push(text.clone());
            }
        }
        let mut asks = Vec::new();
        for (known, requests) in groups {
            for strings in requests {
                let request_id = next_request_id();
                for text in &strings {
                    if let Some(interest) = self.strings.get_mut(text) {
                        interest.phase = Phase::Asked(request_id);
                    }
                }
                self.answering.insert(request_id, Answering::default());
                asks.push(Ask {
                    request_id,
                    strings,
                    known,
                });
            }
        }
        asks
    }

    pub(super) fn answering_mut(&mut self, request_id: u64) -> Option<&mut Answering> {
        self.answering.get_mut(&request_id)
    }

    pub(super) fn all_answering_mut(&mut self) -> impl Iterator<Item = &mut Answering> {
        self.answering.values_mut()
    }

    /// Tells whether a string of this request covers a symbol.
    pub(super) fn request_covers(&self, request_id: u64) -> impl Fn(&Symbol) -> bool {
        self.covering(move |phase| phase == Phase::Asked(request_id))
    }

    /// Tells whether any string covers a symbol; those being taken back do until their ack.
    pub(super) fn covers(&self) -> impl Fn(&Symbol) -> bool {
        self.covering(|_| true)
    }

    /// Whether any string could meet an instrument of the venue.
    pub(super) fn touches(&self, venue: &str) -> bool {
        self.strings.values().any(|i| i.pattern.touches_venue(venue))
    }

    /// Exact strings are looked up and only patterns tried: 10,000 instruments meet 10,000 strings at a reconnect.
    fn covering(&self, is_meant: impl Fn(Phase) -> bool) -> impl Fn(&Symbol) -> bool {
        let meant = self.strings.values().filter(|i| is_meant(i.phase)).map(|i| &i.pattern);
        let (globs, exact): (Vec<_>, Vec<_>) = meant.partition(|p| matches!(p, SymbolPattern::Glob(_)));
        let exact: FxHashSet<&str> = exact.into_iter().map(SymbolPattern::as_str).collect();
        move |symbol| exact.contains(symbol.as_str()) || globs.iter().any(|p| p.matches(symbol))
    }

    /// Whether this string is asked for.
    pub(super) fn contains(&self, text: &str) -> bool {
        self.strings.contains_key(text)
    }

    /// Ends a subscribe's answer; a tainted one is wanted again from where it was known before.
    pub(super) fn answered(&mut self, request_id: u64) -> Option<Answering> {
        let answering = self.answering.remove(&request_id)?;
        for interest in self
            .strings
            .values_mut()
            .filter(|i| i.phase == Phase::Asked(request_id))
        {
            if answering.is_tainted {
                interest.phase = Phase::Wanted;
                interest.is_repair = true;
            } else {
                interest.phase = Phase::Held;
                interest.known = None;
                interest.is_repair = false;
            }
        }
        Some(answering)
    }

    /// Forgets a string that the server does not give.
    pub(super) fn forget(&mut self, text: &str) {
        self.strings.remove(text);
    }

    /// An unsubscribe was confirmed, or the subscribe of this number refused: its strings are gone.
    ///
    /// Returns whether a string is gone.
    pub(super) fn drop_request(&mut self, request_id: u64) -> bool {
        let before = self.strings.len();
        let is_of_request = |p: Phase| p == Phase::Leaving(request_id) || p == Phase::Asked(request_id);
        self.strings.retain(|_, i| !is_of_request(i.phase));
        self.answering.remove(&request_id);
        self.strings.len() < before
    }

    /// An unsubscribe was refused: nothing was taken back. What had no whole answer before has to be asked again.
    pub(super) fn keep(&mut self, request_id: u64) -> bool {
        let mut any = false;
        for interest in self
            .strings
            .values_mut()
            .filter(|i| i.phase == Phase::Leaving(request_id))
        {
            interest.phase = Phase::Wanted;
            interest.known = None;
            any = true;
        }
        any
    }

    /// What was held is wanted again from `own` on. What is asked for or being taken back may be held at the
    /// server, so it misses something too, up to its answer.
    pub(super) fn lose(&mut self, own: u64) {
        let own = Some(own).filter(|_| !std::mem::take(&mut self.is_renewing));
        for interest in self.strings.values_mut() {
            interest.is_repair = true;
            if interest.phase == Phase::Held {
                interest.phase = Phase::Wanted;
                interest.known = own;
            }
        }
    }

    /// Nothing is known any more. What was held is wanted again; what is asked for stays so.
    pub(super) fn void(&mut self) {
        self.lose(0);
        self.strings.values_mut().for_each(|i| i.known = None);
    }

    /// A new epoch was told unasked: what is held comes anew, and until its end entries may come too early.
    pub(super) fn renew(&mut self) {
        self.is_renewing = true;
        for interest in self.strings.values_mut() {
            interest.is_repair = true;
            interest.known = None;
        }
    }

    /// All that is held has come anew.
    pub(super) fn renewed(&mut self) {
        self.is_renewing = false;
        for interest in self.strings.values_mut().filter(|i| i.phase == Phase::Held) {
            interest.is_repair = false;
        }
    }

    /// All is asked for again and whole, whatever was under way.
    pub(super) fn start_over(&mut self) {
        self.end_requests();
        self.void();
    }

    /// The connection is gone: nothing is under way, and what was being taken back is gone with it.
    ///
    /// Returns whether a string is gone.
    pub(super) fn disconnected(&mut self, own: u64) -> bool {
        let before = self.strings.len();
        self.lose(own);
        self.strings.retain(|_, i| !matches!(i.phase, Phase::Leaving(_)));
        self.end_requests();
        self.strings.len() < before
    }

    fn end_requests(&mut self) {
        self.answering.clear();
        for interest in self.strings.values_mut().filter(|i| matches!(i.phase, Phase::Asked(_))) {
            interest.phase = Phase::Wanted;
        }
    }
}
