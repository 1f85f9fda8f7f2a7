//! Which venue, what it plays and how it behaves by itself.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use super::listener::{Front, Thread};
use super::state::{Shared, State};
use super::task::Rhythm;
use super::{Venue, binance, coinbase, exchange, kraken, recording};
use crate::support::tls::Tls;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    BinanceSpot,
    BinanceUsdm,
    CoinbaseAdvanced,
    CoinbaseExchange,
    Kraken,
}

impl Kind {
    /// Where the venue answers.
    pub(crate) fn paths(self) -> &'static [&'static str] {
        match self {
            Kind::BinanceSpot => &["/stream"],
            Kind::BinanceUsdm => &["/public/stream", "/market/stream"],
            Kind::CoinbaseAdvanced | Kind::CoinbaseExchange => &["/"],
            Kind::Kraken => &["/v2"],
        }
    }

    fn rhythm(self) -> Rhythm {
        let is_binance = matches!(self, Kind::BinanceSpot | Kind::BinanceUsdm);
        let is_coinbase = matches!(self, Kind::CoinbaseAdvanced | Kind::CoinbaseExchange);
        Rhythm {
            heartbeat_every: Duration::from_secs(1),
            ping_every: is_binance.then_some(Duration::from_secs(20)),
            pong_within: Duration::from_secs(60),
            subscribe_within: is_coinbase.then_some(Duration::from_secs(5)),
        }
    }
}

/// A venue that is not yet there.
pub(crate) struct Setup {
    kind: Kind,
    lines: Vec<String>,
    instruments: Option<PathBuf>,
    is_tls: bool,
    rhythm: Rhythm,
}

impl Setup {
    /// Plays a capture. Kraken's instruments are read from `v2_instrument_snapshot.json` beside it, if there is one.
    pub(crate) fn new(kind: Kind, capture: &Path) -> Setup {
        let instruments = capture.with_file_name("v2_instrument_snapshot.json");
        let instruments = (kind == Kind::Kraken && instruments.exists()).then_some(instruments);
        let lines = recording::lines(capture);
        Setup {
            instruments,
            ..Setup::of(kind, lines)
        }
    }

    /// Plays frames of the test's own.
    pub(crate) fn of(kind: Kind, frames: Vec<String>) -> Setup {
        Setup {
            kind,
            lines: frames,
            instruments: None,
            is_tls: false,
            rhythm: kind.rhythm(),
        }
    }

    /// Speaks TLS only.
    pub(crate) fn tls(mut self) -> Setup {
        self.is_tls = true;
        self
    }

    /// Pings so often and disconnects who does not answer in time.
    pub(crate) fn pings(mut self, every: Duration, pong_within: Duration) -> Setup {
        (self.rhythm.ping_every, self.rhythm.pong_within) = (Some(every), pong_within);
        self
    }

    /// Heartbeats, where the venue has them; a second if nothing is said.
    pub(crate) fn heartbeats(mut self, every: Duration) -> Setup {
        self.rhythm.heartbeat_every = every;
        self
    }

    /// Disconnects who has not subscribed in time; five seconds at Coinbase if nothing is said.
    pub(crate) fn subscribe_within(mut self, limit: Duration) -> Setup {
        self.rhythm.subscribe_within = Some(limit);
        self
    }

    /// Starts it on a free port.
    pub(crate) fn start(self) -> Venue {
        let (script, frames) = match self.kind {
            Kind::BinanceSpot | Kind::BinanceUsdm => binance::load(self.lines),
            Kind::CoinbaseAdvanced => coinbase::load(self.lines),
            Kind::CoinbaseExchange => exchange::load(self.lines),
            Kind::Kraken => kraken::load(self.lines, self.instruments.as_deref()),
        };
        let shared = Arc::new(Shared::new(State::new(script, frames)));
        let tls = self.is_tls.then(Tls::new);
        let thread = Thread::start(Front {
            shared: Arc::clone(&shared),
            paths: self.kind.paths(),
            rhythm: self.rhythm,
            acceptor: tls.as_ref().map(|tls| tls.acceptor.clone()),
        });
        Venue { shared, thread, tls }
    }
}
