//! What goes wrong between a venue and the service: the right state and cause are shown, the feed comes back by itself,
//! and nothing that the venue delivered is lost. The venues are local stand-ins that play recordings.

mod support;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use support::history::History;
use support::server::Server;
use support::venue::{Fault, Frame, Kind, Setup, Venue};
use support::{captures, eventually};
use tickwire::client::Row;

/// One recording, what is asked for, and what is known of it.
struct Case {
    kind: Kind,
    /// Kind of the feed, and so the venue's name.
    spec: &'static str,
    names: &'static str,
    options: &'static str,
    capture: &'static str,
    /// What has to be subscribed before anything is played.
    streams: &'static [&'static str],
    /// An instrument of the recording.
    symbol: &'static str,
    /// Frames whose loss the venue's own numbering shows begin so.
    numbered: &'static str,
    /// The cause that is then shown.
    loss: &'static str,
}

/// The project's own recording, so that everybody can see a feed come back.
const DEMO: Case = Case {
    kind: Kind::BinanceSpot,
    spec: "binance",
    names: "ALFUSDT,BRVUSDT",
    options: "",
    capture: "feeds/demo.capture.gz",
    streams: &["alfusdt@bookTicker", "alfusdt@trade", "brvusdt@trade", "brvusdt@ticker"],
    symbol: "binance:ALFUSDT",
    numbered: "alfusdt@trade",
    loss: "gap",
};

const BINANCE: Case = Case {
    kind: Kind::BinanceSpot,
    spec: "binance",
    names: "BTCUSDT",
    options: "",
    capture: "binance/spot_btcusdt_20240808.capture.gz",
    streams: &["btcusdt@bookTicker", "btcusdt@trade", "btcusdt@ticker"],
    symbol: "binance:BTCUSDT",
    numbered: "btcusdt@trade",
    loss: "gap",
};

const USDM: Case = Case {
    kind: Kind::BinanceUsdm,
    spec: "binance-usdm",
    names: "BTCUSDT",
    options: "&trades=trade",
    capture: "binance/usdm_btcusdt_20240808.capture.gz",
    streams: &["btcusdt@bookTicker", "btcusdt@trade", "btcusdt@ticker"],
    symbol: "binance-usdm:BTCUSDT",
    numbered: "btcusdt@trade",
    loss: "gap",
};

const COINBASE: Case = Case {
    kind: Kind::CoinbaseAdvanced,
    spec: "coinbase",
    names: "BTC-USD,ETH-USD",
    options: "",
    capture: "coinbase/advanced_20260809.capture.gz",
    streams: &[
        "level2:BTC-USD",
        "level2:ETH-USD",
        "ticker:BTC-USD",
        "ticker:ETH-USD",
        "market_trades:BTC-USD",
        "market_trades:ETH-USD",
    ],
    symbol: "coinbase:BTC-USD",
    numbered: "level2:BTC-USD",
    loss: "gap",
};

const EXCHANGE: Case = Case {
    kind: Kind::CoinbaseExchange,
    spec: "coinbase-exchange",
    names: "SKL-USD,NMR-EUR,DASH-BTC",
    options: "",
    capture: "coinbase/exchange_10products_20210417.capture.gz",
    streams: &[
        "matches:SKL-USD",
        "matches:NMR-EUR",
        "matches:DASH-BTC",
        "ticker:DASH-BTC",
    ],
    symbol: "coinbase-exchange:SKL-USD",
    numbered: "matches:SKL-USD",
    loss: "gap",
};

const KRAKEN: Case = Case {
    kind: Kind::Kraken,
    spec: "kraken",
    names: "BTC/USD",
    options: "",
    capture: "kraken/v2_book_btcusd_d25_20260802.capture.gz",
    streams: &["book:BTC/USD", "trade:BTC/USD", "ticker:BTC/USD", "instrument"],
    symbol: "kraken:BTC/USD",
    numbered: "book:BTC/USD",
    loss: "checksum",
};

const ALL: [Case; 6] = [DEMO, BINANCE, USDM, COINBASE, EXCHANGE, KRAKEN];

/// A running service and its venue, everything subscribed, nothing played yet.
struct Running {
    case: Case,
    venue: Venue,
    server: Server,
    history: History,
    /// The rows at the end of the recording, as a replay of it gives them.
    want: BTreeMap<String, Row>,
}

impl Case {
    /// Where the recording is; `None`, said aloud, where there is none.
    fn capture(&self) -> Option<PathBuf> {
        if self.capture == DEMO.capture {
            return Some(captures::demo());
        }
        captures::real(self.capture)
    }

    /// Starts with more options of the feed; `None` where there is no recording.
    fn start(self, more: &str) -> Option<Running> {
        let capture = self.capture()?;
        let replay = Server::of(&captures::replay(&capture, "speed=max"), &[]);
        let replayed = History::of(&replay);
        replayed.is(self.spec, "down replay ended");
        let mut want = replayed.rows();
        let names: Vec<String> = self
            .names
            .split(',')
            .map(|name| format!("{}:{name}", self.spec))
            .collect();
        want.retain(|symbol, _| names.contains(symbol));
        if self.kind == Kind::Kraken {
            // Reference data, which are not in the recording, state the precision of the volume too: that of sizes.
            want.values_mut().for_each(|row| row.decimals[2] = row.decimals[1]);
        }

        let venue = Setup::new(self.kind, &capture)
            .heartbeats(Duration::from_millis(100))
            .start();
        let feed = format!("{}:{}?{}{}{more}", self.spec, self.names, venue.options(), self.options);
        let server = Server::of(&feed, &[]);
        let history = History::of(&server);
        let running = Running {
            case: self,
            venue,
            server,
            history,
            want,
        };
        running.wait_subscribed();
        Some(running)
    }
}

impl Running {
    /// Until every stream is subscribed on a connection that is open.
    fn wait_subscribed(&self) {
        eventually("everything is subscribed", || {
            let open: Vec<_> = self
                .venue
                .connections()
                .into_iter()
                .filter(|c| c.closed.is_none())
                .collect();
            let is_subscribed = |stream: &&str| open.iter().any(|c| c.streams.contains(*stream));
            self.case.streams.iter().all(is_subscribed).then_some(())
        });
    }

    /// A frame of the kind whose loss can be seen, in the middle of the recording; not the last of its kind.
    fn numbered_frame(&self) -> usize {
        let is_numbered = |frame: &Frame| frame.stream == self.case.numbered;
        self.venue.find(self.venue.frame_count() / 2, is_numbered)
    }

    /// Waits for a line of the venue's own state.
    fn venue_sees(&self, state: &str) {
        self.history.sees(&format!("{}: {state}", self.case.spec));
    }

    /// Plays up to the middle, and a frame more with this fault.
    fn play_into(&self, fault: Fault) {
        let middle = self.venue.frame_count() / 2;
        let connections = self.venue.connections();
        let is_asked_for = |frame: &Frame| connections.iter().any(|c| c.streams.contains(&frame.stream));
        let at = self.venue.find(middle, is_asked_for);
        self.venue.fault_at(at, fault);
        self.venue.play_to(at + 1);
    }

    /// Plays what is left once everything is subscribed again, and insists on the end of the recording.
    fn converges(&self) {
        self.wait_subscribed();
        self.venue.play_rest();
        self.history.becomes(&self.want);
        self.history.is(self.case.spec, "up");
        for symbol in self.want.keys() {
            self.history.is(symbol, "live");
        }
    }

    fn metric(&self, name: &str) -> f64 {
        self.server.metric(
            &format!("tickwire_feed_{name}_total"),
            &format!("\"{}\"", self.case.spec),
        )
    }
}

#[test]
fn a_connection_cut_in_the_middle_of_a_frame_is_shown_and_comes_back_whole() {
    for running in ALL.into_iter().filter_map(|case| case.start("")) {
        running.play_into(Fault::Cut);
        running.venue_sees("down connection lost");
        running.converges();
        let stale = format!("{}: stale disconnected", running.case.symbol);
        assert_eq!(running.history.count(&stale), 1, "{:#?}", running.history.lines());
        assert_eq!(running.metric("restarts"), 1.0);
    }
}

#[test]
fn a_reset_and_a_close_are_told_apart() {
    for (fault, reason) in [
        (Fault::Reset, "down connection lost"),
        (Fault::Close(1012), "down closed by the venue (1012"),
    ] {
        let Some(running) = COINBASE.start("") else { return };
        running.play_into(fault);
        running.venue_sees(reason);
        running.converges();
    }
}

#[test]
fn silence_behind_answered_pings_is_stale_and_then_ends_the_connection() {
    for running in [DEMO, COINBASE, KRAKEN]
        .into_iter()
        .filter_map(|case| case.start("&silence_ms=300"))
    {
        running.play_into(Fault::Silence);
        running.venue_sees("stale no data for");
        running.venue_sees("down no data for");
        running.converges();
    }
}

#[test]
fn an_acknowledged_subscription_without_data_is_seen() {
    for running in [DEMO, COINBASE, KRAKEN]
        .into_iter()
        .filter_map(|case| case.start("&silence_ms=300"))
    {
        running.venue.silent_next(1);
        running.play_into(Fault::Reset);
        running.venue_sees("down connection lost");
        // All is acknowledged on the next connection, but nothing comes.
        running.venue_sees("stale no data for");
        running.venue_sees("down no data for");
        assert!(
            running.history.count(&format!("{}: live", running.case.symbol)) <= 1,
            "{:#?}",
            running.history.lines()
        );
        running.converges();
    }
}

#[test]
fn a_venue_that_reads_nothing_any_more_is_given_up() {
    let Some(running) = KRAKEN.start("&silence_ms=300") else {
        return;
    };
    running.play_into(Fault::Deaf);
    running.venue_sees("down nothing heard for");
    running.converges();
}

#[test]
fn a_lost_frame_is_found_by_the_venues_own_numbering() {
    for running in ALL.into_iter().filter_map(|case| case.start("")) {
        let at = running.numbered_frame();
        running.venue.fault_at(at, Fault::Drop);
        running.venue.play_to(at + 1);
        running.converges();
        let lost = running.metric("gaps") + running.metric("checksums");
        assert_eq!(lost, 1.0, "{}: {:#?}", running.case.spec, running.history.lines());
        // Where the next frame makes it whole the two states may meet in one beat.
        let is_healed_by_the_next =
            running.case.numbered.contains("trade") || running.case.numbered.contains("matches");
        if !is_healed_by_the_next {
            let stale = format!("{}: stale {}", running.case.symbol, running.case.loss);
            assert_eq!(running.history.count(&stale), 1, "{:#?}", running.history.lines());
            assert_eq!(
                running.venue.connections().len(),
                1,
                "the rest goes on over the same connection"
            );
            assert!(running.metric("resyncs") >= 1.0);
        }
        assert_eq!(running.metric("restarts"), 0.0);
    }
}

#[test]
fn a_repeated_frame_changes_nothing() {
    for running in ALL.into_iter().filter_map(|case| case.start("")) {
        let at = running.numbered_frame();
        running.venue.fault_at(at, Fault::Repeat);
        running.converges();
        assert_eq!(
            running.metric("restarts") + running.metric("gaps"),
            0.0,
            "{}",
            running.case.spec
        );
    }
}

#[test]
fn frames_out_of_order_are_seen_or_harmless() {
    for running in ALL.into_iter().filter_map(|case| case.start("")) {
        let at = running.numbered_frame();
        running.venue.fault_at(at, Fault::Swap);
        running.venue.play_to(at + 2);
        running.converges();
        assert_eq!(running.metric("restarts"), 0.0, "{}", running.case.spec);
    }
}

#[test]
fn a_corrupted_level_is_found_by_the_checksum_and_asked_for_anew() {
    // Of ten levels, so that each is among those that the checksum covers; one that is removed would stay so.
    let case = Case {
        capture: "kraken/v2_book_btcusd_d10_resub_20260801.capture.gz",
        ..KRAKEN
    };
    let Some(running) = case.start("") else { return };
    let middle = running.venue.frame_count() / 2;
    let is_removal = |frame: &Frame| frame.text.contains(r#""qty":0.00000000"#);
    let at = running
        .venue
        .find(middle, |frame| frame.stream == "book:BTC/USD" && !is_removal(frame));
    running.venue.fault_at(at, Fault::Corrupt);
    running.venue.play_to(at + 1);
    running.converges();
    let found = running.metric("checksums");
    let stale = running.history.count("kraken:BTC/USD: stale checksum");
    assert!(found >= 1.0 && stale >= 1, "{found} {:#?}", running.history.lines());
}

#[test]
fn a_venue_that_asks_to_be_left_alone_is_left_alone() {
    for status in [429, 418, 503] {
        let Some(running) = DEMO.start("") else { return };
        running.venue.refuse_http(1, status, Some(2));
        running.play_into(Fault::Reset);
        running.venue_sees(&format!("down refused with HTTP {status}, to be tried again in 2 s"));
        running.converges();
        let attempts = running.venue.attempts();
        let [_, refused, again] = attempts.as_slice() else {
            panic!("{} attempts", attempts.len());
        };
        let waited = *again - *refused;
        assert!(waited >= Duration::from_secs(2), "came back after {waited:?}");
    }
}

#[test]
fn a_venue_that_is_not_there_is_tried_again_and_again() {
    let Some(running) = DEMO.start("") else { return };
    running.venue.refuse_tcp(3);
    running.play_into(Fault::Reset);
    running.venue_sees("down connection lost");
    running.converges();
    assert!(running.venue.attempts().len() >= 5);
    assert_eq!(running.venue.connections().len(), 2);
}

#[test]
fn a_venue_that_comes_back_with_another_precision_gives_the_same_numbers() {
    let Some(running) = KRAKEN.start("") else { return };
    running.venue.decimals(3, 10);
    running.play_into(Fault::Reset);
    running.venue_sees("down");
    running.wait_subscribed();
    running.venue.play_rest();
    let want = &running.want["kraken:BTC/USD"];
    running
        .history
        .has("the last book in three and ten decimals", "kraken:BTC/USD", |row| {
            row.decimals[..2] == [3, 10]
                && want.values.iter().all(|(field, text)| {
                    let now = row.values.get(field).map(String::as_str).unwrap_or_default();
                    now.starts_with(text.as_str()) && now[text.len()..].chars().all(|c| c == '0')
                })
        });
    running.history.is("kraken:BTC/USD", "live");
    assert_eq!(running.metric("checksums"), 0.0);
}

#[test]
fn of_two_venues_one_dies_and_the_other_does_not_notice() {
    let (Some(one), Some(other)) = (COINBASE.capture(), KRAKEN.capture()) else {
        return;
    };
    let dying = Setup::new(COINBASE.kind, &one).start();
    let well = Setup::new(KRAKEN.kind, &other).start();
    let feeds = [
        format!("coinbase:BTC-USD?{}", dying.options()),
        format!("kraken:BTC/USD?{}", well.options()),
    ];
    let server = Server::start(&["--feed", &feeds[0], "--feed", &feeds[1]]);
    let history = History::of(&server);
    dying.wait_subscribed(&["level2:BTC-USD"]);
    well.wait_subscribed(KRAKEN.streams);
    dying.play_to(dying.frame_count() / 2);
    well.play_to(well.frame_count() / 2);
    history.is("coinbase:BTC-USD", "live");
    history.is("kraken:BTC/USD", "live");
    drop(dying);
    history.sees("coinbase: down");
    let connects = server.metric("tickwire_feed_connects_total", "kraken");
    well.play_rest();
    eventually("all frames of the venue that is well", || {
        let frames = server.metric("tickwire_feed_frames_total", "kraken");
        (frames >= well.connection(0).texts as f64).then_some(())
    });
    history.is("kraken", "up");
    history.is("kraken:BTC/USD", "live");
    history.is("coinbase:BTC-USD", "stale disconnected");
    assert_eq!(history.count("kraken:BTC/USD: stale"), 0, "{:#?}", history.lines());
    assert_eq!(server.metric("tickwire_feed_connects_total", "kraken"), connects);
}

#[test]
fn before_a_venue_ends_a_connection_the_next_one_takes_over_without_a_break() {
    for running in [DEMO, BINANCE, USDM].into_iter().filter_map(|case| case.start("")) {
        let sockets = running.venue.connections().len();
        running.venue.play_to(running.venue.frame_count() / 3);
        let after = Duration::from_secs(20);
        running.venue.fault_on(0, Fault::Shutdown { after });
        // Data go on while both are open: what comes twice is taken once.
        running.venue.wait_attempts(2 * sockets);
        running.wait_subscribed();
        running.venue.pace(Some(5_000.0));
        running.venue.begin_to(running.venue.frame_count() * 2 / 3);
        running.venue.wait_closed(0);
        running.venue.pace(None);
        running.converges();
        let lines = running.history.lines();
        assert_eq!(
            running.history.count(&format!("{}: stale", running.case.symbol)),
            0,
            "{lines:#?}"
        );
        assert_eq!(
            running
                .history
                .count(&format!("{}: down connection lost", running.case.spec)),
            0,
            "{lines:#?}"
        );
        let (handovers, gaps) = (running.metric("handovers"), running.metric("gaps"));
        assert_eq!((handovers, gaps, running.metric("restarts")), (1.0, 0.0, 0.0));
    }
}

#[test]
fn a_symbol_that_the_venue_refuses_is_named_and_the_others_go_on() {
    let Some(capture) = KRAKEN.capture() else { return };
    let venue = Setup::new(Kind::Kraken, &capture).start();
    venue.refuse_symbol("NOPE/USD");
    let server = Server::of(&format!("kraken:BTC/USD,NOPE/USD?{}", venue.options()), &[]);
    let history = History::of(&server);
    venue.wait_subscribed(KRAKEN.streams);
    venue.play_rest();
    history.is("kraken:BTC/USD", "live");
    history.is("kraken", "up refused: Currency pair not supported NOPE/USD");
}
