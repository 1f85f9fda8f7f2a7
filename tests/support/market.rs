//! The markets that have an adapter, and how a running server comes to the stand-in of one.

use super::server::Server;
use super::venue::{Kind, Venue};

/// A market as a test uses it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Market {
    pub(crate) kind: Kind,
    /// What the feed is called; its symbols and metrics have the same name.
    pub(crate) name: &'static str,
    /// Instruments, by the venue's own names.
    pub(crate) symbols: &'static [&'static str],
    /// What the adapter subscribes of each.
    pub(crate) channels: &'static [&'static str],
    /// Further options of the feed, each with its `&`.
    pub(crate) options: &'static str,
}

impl Market {
    pub(crate) const fn spot(symbols: &'static [&'static str]) -> Market {
        Market {
            kind: Kind::BinanceSpot,
            name: "binance",
            symbols,
            channels: &["bookTicker", "trade", "ticker"],
            options: "",
        }
    }

    /// With trades in place of the usual aggTrade.
    pub(crate) const fn usdm(symbols: &'static [&'static str]) -> Market {
        Market {
            kind: Kind::BinanceUsdm,
            name: "binance-usdm",
            options: "&trades=trade",
            ..Market::spot(symbols)
        }
    }

    /// Of Binance, with aggTrade.
    pub(crate) const fn aggregated(self) -> Market {
        Market {
            channels: &["bookTicker", "aggTrade", "ticker"],
            options: "&trades=aggTrade",
            ..self
        }
    }

    pub(crate) const fn advanced(symbols: &'static [&'static str]) -> Market {
        Market {
            kind: Kind::CoinbaseAdvanced,
            name: "coinbase",
            symbols,
            channels: &["level2", "ticker", "market_trades"],
            options: "",
        }
    }

    pub(crate) const fn exchange(symbols: &'static [&'static str]) -> Market {
        Market {
            kind: Kind::CoinbaseExchange,
            name: "coinbase-exchange",
            symbols,
            channels: &["level2", "ticker", "matches"],
            options: "",
        }
    }

    pub(crate) const fn kraken(symbols: &'static [&'static str]) -> Market {
        Market {
            kind: Kind::Kraken,
            name: "kraken",
            symbols,
            channels: &["book", "trade", "ticker"],
            options: "",
        }
    }

    /// Every stream of every instrument, as the stand-in calls them.
    pub(crate) fn streams(self) -> Vec<String> {
        let stream = |symbol: &str, channel: &str| match self.kind {
            Kind::BinanceSpot | Kind::BinanceUsdm => format!("{}@{channel}", symbol.to_lowercase()),
            _ => format!("{channel}:{symbol}"),
        };
        let of = |symbol: &'static str| self.channels.iter().map(move |channel| stream(symbol, channel));
        self.symbols.iter().flat_map(|symbol| of(symbol)).collect()
    }

    /// Sockets that the adapter opens.
    pub(crate) fn sockets(self) -> usize {
        if self.kind == Kind::BinanceUsdm { 2 } else { 1 }
    }

    /// Serves what the venue plays, which stands still until everything is subscribed. No silence is suspicious: a
    /// recording ends, and the test goes on.
    pub(crate) fn serve(self, venue: &Venue) -> Server {
        let streams = self.streams();
        venue.hold_for(&streams.iter().map(String::as_str).collect::<Vec<_>>());
        let (name, symbols) = (self.name, self.symbols.join(","));
        let feed = format!(
            "{name}:{symbols}?{}&silence_ms=3600000{}",
            venue.options(),
            self.options
        );
        Server::of(&feed, &[])
    }

    /// A pattern of all its instruments.
    pub(crate) fn all(self) -> String {
        format!("{}:*", self.name)
    }

    /// A metric of this market.
    pub(crate) fn metric(self, server: &Server, name: &str) -> f64 {
        server.metric(name, &format!("venue=\"{}\"", self.name))
    }
}
