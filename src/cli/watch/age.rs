//! How old values are, by the server's clock: its newest stamp, and the time that has passed since that came. Pure; `now`
//! is an argument.

use std::collections::BTreeSet;
use std::time::Instant;

use crate::client::{Changed, Ticker, View};
use crate::market::{Ts, VenueName};

/// A venue's stamp further than this from the server's is not of now: what is told was recorded. No feed that lives is
/// an hour late.
const LIVE_WITHIN_US: u64 = 3_600_000_000;

/// Of what changed at once every n-th is looked at, so that so many are.
pub(super) const LOOKED_AT_MOST: usize = 100;

/// The server's clock, and whose stamps go by it.
#[derive(Debug)]
pub(super) struct Ages {
    /// The server's newest stamp, and when it came.
    newest: (Ts, Instant),
    /// Stamps are a tape's: between two of them nobody knows its time.
    is_tape: bool,
    /// Venues that have stamped something anew, and with the time of now.
    stamping: BTreeSet<VenueName>,
}

impl Ages {
    pub(super) fn new(now: Instant) -> Ages {
        Ages {
            newest: (Ts::default(), now),
            is_tape: false,
            stamping: BTreeSet::new(),
        }
    }

    /// A server was found; it may be another one.
    pub(super) fn connected(&mut self, is_tape: bool) {
        self.is_tape = is_tape;
        self.stamping.clear();
    }

    /// Takes the view's stamp.
    pub(super) fn take(&mut self, view: &View, now: Instant) {
        if self.newest.0 != view.ts() {
            self.newest = (view.ts(), now);
        }
    }

    /// Takes what changed.
    pub(super) fn changed(&mut self, view: &View, changed: &Changed) {
        let every = changed.symbols.len() / LOOKED_AT_MOST + 1;
        let symbols = changed.symbols.iter().step_by(every);
        for ticker in symbols.filter_map(|symbol| view.get(symbol.as_str())) {
            if let Some(venue) = lag_us(ticker).and_then(|_| VenueName::parse(ticker.symbol().venue()).ok())
                && !self.stamping.contains(&venue)
            {
                self.stamping.insert(venue);
            }
        }
    }

    /// What the server's clock says.
    pub(super) fn clock(&self, now: Instant) -> Ts {
        let (newest, came) = self.newest;
        let passed = match self.is_tape {
            true => 0,
            false => i64::try_from(now.saturating_duration_since(came).as_nanos()).unwrap_or(i64::MAX),
        };
        Ts(newest.0.saturating_add(passed))
    }

    /// The age of an instrument's newest value where the clock says `clock`: by the venue's stamp where those are of
    /// now, else by the server's; and where that is only when the value was asked for, "at least".
    pub(super) fn text(&self, ticker: &Ticker, clock: Ts) -> Option<String> {
        if ticker.ts() == Ts::default() {
            return None;
        }
        let told_us = clock.micros_since(ticker.ts());
        let is_stamping = || {
            let venue = VenueName::parse(ticker.symbol().venue());
            venue.is_ok_and(|venue| self.stamping.contains(&venue))
        };
        match ticker.age_us() {
            Some(lag) if is_stamping() && (lag_us(ticker).is_some() || !ticker.is_news()) => {
                Some(age(told_us.saturating_add(lag)))
            }
            _ if ticker.is_news() => Some(age(told_us)),
            _ => Some(format!("≥{}", age(told_us))),
        }
    }
}

/// How old a change was when the server told it, by the venue's stamp where that is of now.
pub(super) fn lag_us(ticker: &Ticker) -> Option<i64> {
    let lag = ticker.age_us().filter(|_| ticker.is_news());
    lag.filter(|lag| lag.unsigned_abs() < LIVE_WITHIN_US)
}

/// An age in few characters; negative where the venue's clock is ahead: skew is shown, not clamped.
fn age(us: i64) -> String {
    let sign = if us < 0 { "-" } else { "" };
    match us.unsigned_abs() {
        us @ ..1_000_000 => format!("{sign}{} ms", us / 1_000),
        us @ ..60_000_000 => format!("{sign}{}.{} s", us / 1_000_000, us / 100_000 % 10),
        us @ ..3_600_000_000 => format!("{sign}{} min", us / 60_000_000),
        us @ ..172_800_000_000 => format!("{sign}{} h", us / 3_600_000_000),
        us => format!("{sign}{} d", us / 86_400_000_000),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::cli::watch::tests::told;

    const DAY_US: i64 = 86_400_000_000;

    /// The ages a second later.
    fn texts(is_tape: bool, entries: &[(u32, Option<i64>)]) -> Vec<String> {
        let now = Instant::now();
        let mut ages = Ages::new(now);
        ages.connected(is_tape);
        let (view, changed) = told(entries);
        ages.changed(&view, &changed);
        ages.take(&view, now);
        let clock = ages.clock(now + Duration::from_secs(1));
        let text = |ticker| ages.text(ticker, clock).unwrap_or_default();
        view.iter().map(text).collect()
    }

    #[test]
    fn ages_go_by_the_venues_stamp_where_it_is_of_now_and_else_by_the_servers() {
        // What was answered says its age once the venue is known to stamp.
        assert_eq!(texts(false, &[(1, Some(500_000))]), ["1.5 s", "2.9 s", "≥3.0 s"]);
        // Recorded a year ago: the server has told it a second ago.
        assert_eq!(texts(false, &[(1, Some(365 * DAY_US))]), ["1.0 s", "≥3.0 s", "≥3.0 s"]);
        // One late stamp among others that are of now.
        assert_eq!(
            texts(false, &[(1, Some(2 * DAY_US)), (2, Some(-1_000))]),
            ["1.0 s", "999 ms", "≥3.0 s"]
        );
        assert_eq!(texts(false, &[(3, None)]), ["≥3.0 s", "≥3.0 s", "1.0 s"]);
    }

    #[test]
    fn a_tapes_clock_does_not_go_on_by_itself() {
        assert_eq!(texts(true, &[(1, Some(500_000))]), ["500 ms", "1.9 s", "≥2.0 s"]);
    }

    #[test]
    fn ages_are_short_and_skew_is_shown() {
        for (us, text) in [
            (0, "0 ms"),
            (-1_500, "-1 ms"),
            (1_250_000, "1.2 s"),
            (-61_000_000, "-1 min"),
            (7_300_000_000, "2 h"),
            (i64::MIN, "-106751991 d"),
        ] {
            assert_eq!(age(us), text);
        }
    }
}
