//! Each venue's recordings, played to the real binary over real sockets, end as their own text says.
//!
//! Everything is subscribed before the first frame is played, so the truth knows what comes first: every field, every
//! state and every count of updates is compared, in `/v1/snapshot` and in what one subscriber made of its stream.

mod support;

#[path = "venues/lag.rs"]
mod lag;
#[path = "venues/payloads.rs"]
mod payloads;

use std::time::Instant;

use support::captures;
use support::follower::Follower;
use support::market::Market;
use support::peer::{Options, Peer};
use support::server::Server;
use support::truth::levels::is_below;
use support::truth::{self, Rows};
use support::venue::{Kind, Setup, Venue};
use support::{LIMIT, eventually, rows};
use tickwire::client::Row;
use tickwire::wire::Encoding;

const EXCHANGE: &[&str] = &[
    "BAND-BTC", "BAND-GBP", "CRV-EUR", "DASH-BTC", "NMR-EUR", "NU-GBP", "SKL-BTC", "SKL-GBP", "SKL-USD", "YFI-BTC",
];

/// Must all be zero: nothing was misread, missed or asked for again.
const FAULTS: [&str; 7] = [
    "tickwire_feed_malformed_total",
    "tickwire_feed_gaps_total",
    "tickwire_feed_checksums_total",
    "tickwire_feed_stale_total",
    "tickwire_feed_resyncs_total",
    "tickwire_feed_handovers_total",
    "tickwire_feed_restarts_total",
];

/// Plays a recording and compares everything with the truth.
fn ends_as_its_text_says(market: Market, setup: Setup, truth: &Rows) {
    // The load of other tests is no reason to be disconnected.
    let venue = setup.subscribe_within(LIMIT).start();
    let server = market.serve(&venue);
    let mut peer = Peer::connect(server.addr, Options::of(Encoding::Protobuf));
    let mut follower = Follower::subscribe(&mut peer, &[&market.all()]);
    venue.begin_rest();
    follow_until(&mut peer, &mut follower, truth);
    // Plain HTTP has a table of its own, which may be some beats behind.
    let changed = updates(truth);
    let http = eventually("/v1/snapshot is at the end too", || {
        let http = rows::snapshot(&server, &market.all());
        (updates(&http.rows) >= changed).then_some(http)
    });
    assert_eq!(&http.rows, truth, "/v1/snapshot");
    assert_eq!(http.venues[market.name], ("up".to_owned(), String::new()));
    nothing_is_lost(market, &venue, &server, truth);
}

/// Reads the stream until it has told the truth; no bid is ever as high as the ask beside it.
fn follow_until(peer: &mut Peer, follower: &mut Follower, truth: &Rows) {
    let (mut until, mut seen) = (Instant::now() + LIMIT, 0);
    loop {
        let rows = follower.view.dump();
        for (symbol, row) in &rows {
            assert!(!is_crossed(row), "{symbol}: {row:?}");
        }
        if &rows == truth {
            return;
        }
        // A large recording may take long, but not without getting on.
        if std::mem::replace(&mut seen, updates(&rows)) < updates(&rows) {
            until = Instant::now() + LIMIT;
        }
        if Instant::now() >= until {
            assert_eq!(&rows, truth, "what the subscriber has, and the truth");
        }
        let message = peer.message();
        follower.take(&message);
    }
}

/// Updates that changed something.
fn updates(rows: &Rows) -> u64 {
    rows.values().map(|row| row.update_count).sum()
}

fn is_crossed(row: &Row) -> bool {
    let best = row.values.get("bid_price").zip(row.values.get("ask_price"));
    best.is_some_and(|(bid, ask)| !is_below(bid, ask))
}

/// Every frame that the venue sent was taken, and none was at fault.
fn nothing_is_lost(market: Market, venue: &Venue, server: &Server, truth: &Rows) {
    assert_eq!(venue.played(), venue.frame_count());
    let (connections, streams) = (venue.connections(), market.streams());
    let data: usize = connections.iter().map(|c| c.frames).sum();
    let of_interest = venue.frames().iter().filter(|f| streams.contains(&f.stream)).count();
    // Kraken does not tell what lies deeper than the book that was asked for.
    assert!(data == of_interest || (market.kind == Kind::Kraken && data < of_interest));
    assert_eq!(connections.len(), market.sockets());
    assert_eq!(venue.attempts().len(), market.sockets());
    assert_eq!(
        market.metric(server, "tickwire_feed_connects_total"),
        market.sockets() as f64
    );
    // Heartbeats go on: what was sent when the figure is read lies between what was before and behind.
    let sent = || venue.connections().iter().map(|c| c.texts).sum::<usize>() as f64;
    eventually("every frame that was sent is counted", || {
        let before = sent();
        let taken = market.metric(server, "tickwire_feed_frames_total");
        (before <= taken && taken <= sent()).then_some(())
    });
    for fault in FAULTS {
        assert_eq!(market.metric(server, fault), 0.0, "{fault}");
    }
    // Those that say what is known already are updates but do not count.
    let changed = updates(truth);
    assert!(market.metric(server, "tickwire_feed_updates_total") >= changed as f64);
    assert_eq!(server.metric("tickwire_updates_changed_total", ""), changed as f64);
    assert_eq!(server.metric("tickwire_misfits_total", ""), 0.0);
}

fn binance(market: Market, capture: &str, is_tls: bool) {
    let Some(path) = captures::real(capture) else {
        return;
    };
    let truth = truth::binance::of_capture_as(market.name, &captures::text(&path));
    let setup = Setup::new(market.kind, &path);
    ends_as_its_text_says(market, if is_tls { setup.tls() } else { setup }, &truth);
}

#[test]
fn binance_spot_with_trades() {
    let capture = "binance/spot_btcusdt_20240808.capture.gz";
    binance(Market::spot(&["BTCUSDT"]), capture, false);
}

/// The recording has depth alone of one of them: it is subscribed and does not exist.
#[test]
fn binance_spot_with_aggregated_trades_of_four_symbols_over_tls() {
    let market = Market::spot(&["NKNUSDT", "BLZETH", "LRCBTC", "RUNEEUR"]).aggregated();
    binance(market, "binance/spot_4symbols_20211012.capture.gz", true);
}

#[test]
fn binance_us_which_speaks_as_spot_does() {
    let market = Market::spot(&["COMPUSDT", "OMGBUSD", "CRVUSDT", "ZRXUSDT"]).aggregated();
    binance(market, "binance/us_20211012.capture.gz", false);
}

#[test]
fn binance_usdm_over_its_two_sockets() {
    let capture = "binance/usdm_btcusdt_20240808.capture.gz";
    binance(Market::usdm(&["BTCUSDT"]), capture, false);
}

#[test]
fn in_binances_recordings_depth_and_quotes_agree_where_update_ids_meet() {
    for (capture, least) in [
        ("binance/spot_btcusdt_20240808.capture.gz", (3_449, 564)),
        ("binance/usdm_btcusdt_20240808.capture.gz", (6_547, 629)),
    ] {
        let Some(path) = captures::real(capture) else {
            return;
        };
        let agreed = truth::binance::depth_agrees_with_quotes(&captures::text(&path));
        assert_eq!(agreed, least, "{capture}: agreed at all, and at the same id");
    }
}

/// The truth itself checks that no book is crossed after any frame.
fn coinbase_advanced(is_tls: bool) {
    let Some(path) = captures::real("coinbase/advanced_20260809.capture.gz") else {
        return;
    };
    let truth = truth::coinbase::of_capture(&captures::text(&path));
    let market = Market::advanced(&["BTC-USD", "ETH-USD"]);
    let setup = Setup::new(market.kind, &path);
    ends_as_its_text_says(market, if is_tls { setup.tls() } else { setup }, &truth);
}

#[test]
fn coinbase_advanced_with_books_of_46_000_levels() {
    coinbase_advanced(false);
}

#[test]
fn coinbase_advanced_over_tls() {
    coinbase_advanced(true);
}

#[test]
fn coinbase_exchange_with_ten_products() {
    let Some(path) = captures::real("coinbase/exchange_10products_20210417.capture.gz") else {
        return;
    };
    let truth = truth::coinbase_exchange::of_capture(&captures::text(&path));
    let market = Market::exchange(EXCHANGE);
    ends_as_its_text_says(market, Setup::new(market.kind, &path), &truth);
}

fn kraken(capture: &str, checksums: usize, is_tls: bool) {
    let Some(path) = captures::real(capture) else {
        return;
    };
    let instruments = path.with_file_name("v2_instrument_snapshot.json");
    let instruments = std::fs::read_to_string(instruments).expect("it is beside the captures");
    let (truth, held) = truth::kraken::of_capture(&captures::text(&path), &instruments);
    assert_eq!(held, checksums, "every checksum holds");
    let market = Market::kraken(&["BTC/USD"]);
    let setup = Setup::new(market.kind, &path);
    ends_as_its_text_says(market, if is_tls { setup.tls() } else { setup }, &truth);
}

/// The service asks for ten levels, so the stand-in makes the venue's messages for ten, with their checksums.
#[test]
fn kraken_recorded_with_25_levels() {
    kraken("kraken/v2_book_btcusd_d25_20260802.capture.gz", 2_052, false);
}

#[test]
fn kraken_with_snapshots_in_the_middle_over_tls() {
    kraken("kraken/v2_book_btcusd_d10_resub_20260801.capture.gz", 301, true);
}
