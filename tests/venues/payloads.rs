//! One or more samples of every kind of message that any venue sends, sent to every adapter that runs.
//!
//! Of an adapter's own market those that were really captured must be understood, or be of no use for a ticker. All
//! others, of other markets or written by hand, may be anything, and must do no harm.

use serde_json::Value;

use crate::support::market::Market;
use crate::support::server::Server;
use crate::support::venue::{Kind, Setup, Venue};
use crate::support::{LIMIT, captures, eventually, rows};

struct Payload {
    is_own: bool,
    is_real: bool,
    raw: String,
}

/// All samples of all venues; `market` is as they call it. `None` where there are none.
fn payloads(venue: &str, market: &str) -> Option<Vec<Payload>> {
    let mut payloads = Vec::new();
    for file in ["binance", "coinbase", "kraken"] {
        let text = std::fs::read_to_string(captures::real(&format!("{file}/payloads.jsonl"))?).expect("text");
        payloads.extend(text.lines().map(|line| {
            let line: Value = serde_json::from_str(line).expect("JSON");
            Payload {
                is_own: line["venue"] == venue && line["market"] == market,
                is_real: line["kind"] == "real-captured",
                raw: line["raw"].as_str().expect("text").to_owned(),
            }
        }));
    }
    Some(payloads)
}

/// A trade of an instrument that no sample is of.
fn trade(kind: Kind, number: u32, price: &str) -> String {
    match kind {
        Kind::BinanceSpot | Kind::BinanceUsdm => format!(
            r#"{{"stream":"adausdt@trade","data":{{"e":"trade","E":1,"s":"ADAUSDT","t":{number},"p":"{price}","q":"1","T":1,"m":true}}}}"#
        ),
        Kind::CoinbaseAdvanced => format!(
            r#"{{"channel":"market_trades","timestamp":"2026-08-09T21:05:48Z","sequence_num":0,"events":[{{"type":"update","trades":[{{"product_id":"ADA-USD","trade_id":"{number}","price":"{price}","size":"1","time":"2026-08-09T21:05:48Z","side":"BUY"}}]}}]}}"#
        ),
        Kind::CoinbaseExchange => format!(
            r#"{{"type":"match","trade_id":{number},"side":"buy","size":"1","price":"{price}","product_id":"ADA-USD","sequence":{number},"time":"2026-08-09T21:05:48Z"}}"#
        ),
        Kind::Kraken => format!(
            r#"{{"channel":"trade","type":"update","data":[{{"symbol":"ADA/USD","side":"buy","price":{price},"qty":1.0,"ord_type":"market","trade_id":{number},"timestamp":"2026-08-09T21:05:48Z"}}]}}"#
        ),
    }
}

/// Waits until every text that was sent is taken.
fn until_taken(market: Market, venue: &Venue, server: &Server) {
    let sent = || venue.connections().iter().map(|c| c.texts).sum::<usize>() as f64;
    eventually("everything that was sent is taken", || {
        (market.metric(server, "tickwire_feed_frames_total") >= sent()).then_some(())
    });
}

fn until_last_price(market: Market, server: &Server, price: &str) {
    let symbol = format!("{}:{}", market.name, market.symbols[0]);
    eventually(&format!("the last price is {price}"), || {
        let rows = rows::snapshot(server, &symbol).rows;
        let last = rows.get(&symbol)?.values.get("last_price")?.clone();
        (last.trim_end_matches('0') == price).then_some(())
    });
}

fn do_no_harm(market: Market, (venue, name): (&str, &str), extra: &[String]) {
    let Some(payloads) = payloads(venue, name) else {
        return;
    };
    let frames = [extra, &[trade(market.kind, 1, "1.5"), trade(market.kind, 2, "2.5")]].concat();
    let venue = Setup::of(market.kind, frames).subscribe_within(LIMIT).start();
    let server = market.serve(&venue);
    venue.play_to(venue.frame_count() - 1);
    until_last_price(market, &server, "1.5");
    let metric = |name: &str| market.metric(&server, name);

    let updates = metric("tickwire_feed_updates_total");
    let (real, others): (Vec<&Payload>, Vec<&Payload>) = payloads.iter().partition(|p| p.is_own && p.is_real);
    assert!(!real.is_empty(), "there are samples of {name}");
    for payload in real {
        venue.say(&payload.raw);
        until_taken(market, &venue, &server);
        let malformed = metric("tickwire_feed_malformed_total");
        assert_eq!(malformed, 0.0, "really captured, and malformed: {}", payload.raw);
    }
    assert!(
        metric("tickwire_feed_updates_total") > updates,
        "some of them were understood"
    );

    for payload in others {
        match payload.is_own {
            true => venue.say(&payload.raw),
            false => venue.send(&payload.raw),
        }
    }
    until_taken(market, &venue, &server);
    let malformed = metric("tickwire_feed_malformed_total");
    eprintln!("{name}: {malformed} of others' messages were malformed here");
    venue.play_rest();
    until_last_price(market, &server, "2.5");
    assert_eq!(
        metric("tickwire_feed_malformed_total"),
        malformed,
        "what came later was fine"
    );
    assert_eq!(venue.connections().len(), market.sockets(), "the connection held");
    assert_eq!(rows::snapshot(&server, &market.all()).venues[market.name].0, "up");
}

#[test]
fn binance_spot_takes_its_own_and_survives_the_others() {
    do_no_harm(Market::spot(&["ADAUSDT"]), ("binance", "spot"), &[]);
}

#[test]
fn binance_usdm_takes_its_own_and_survives_the_others() {
    do_no_harm(Market::usdm(&["ADAUSDT"]), ("binance", "usdm"), &[]);
}

#[test]
fn coinbase_advanced_takes_its_own_and_survives_the_others() {
    do_no_harm(Market::advanced(&["ADA-USD"]), ("coinbase", "advanced"), &[]);
}

#[test]
fn coinbase_exchange_takes_its_own_and_survives_the_others() {
    do_no_harm(Market::exchange(&["ADA-USD"]), ("coinbase", "exchange"), &[]);
}

/// It knows only what was asked for, so the samples' instrument is asked for as well, and must exist.
#[test]
fn kraken_takes_its_own_and_survives_the_others() {
    let other = trade(Kind::Kraken, 1, "1.5").replace("ADA/USD", "BTC/USD");
    do_no_harm(Market::kraken(&["ADA/USD", "BTC/USD"]), ("kraken", "spot-v2"), &[other]);
}
