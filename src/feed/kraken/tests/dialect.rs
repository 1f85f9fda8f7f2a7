//! What is asked of the venue, and what feeds may be asked for.

use serde_json::Value as Json;

use super::super::super::live::{Dialect, Request};
use super::super::super::{Feed, FeedContext, FeedSpec, SpecError};
use super::super::dialect::{Kraken, build};
use super::*;

fn dialect(count: usize) -> (Kraken, Vec<String>) {
    let names: Vec<String> = (0..count).map(|n| format!("A{n}/USD")).collect();
    (Kraken::new(&venue(), &names), names)
}

fn json(request: &Request) -> Json {
    serde_json::from_str(&request.text).expect("JSON")
}

fn built(text: &str) -> Result<Vec<Box<dyn Feed>>, SpecError> {
    let context = FeedContext::new(tokio::sync::watch::channel(false).1);
    build(&FeedSpec::parse(text)?, &context)
}

#[test]
fn a_connection_asks_for_precisions_books_trades_and_tickers_of_all_its_names() {
    let (mut dialect, names) = dialect(150);
    let sockets = dialect.sockets();
    assert_eq!((sockets.len(), sockets[0].path.as_str()), (1, "/v2"));
    let requests: Vec<Json> = sockets[0].requests.iter().map(json).collect();
    let channels: Vec<_> = requests
        .iter()
        .map(|r| r["params"]["channel"].as_str().unwrap_or(""))
        .collect();
    assert_eq!(
        channels,
        ["instrument", "book", "book", "trade", "trade", "ticker", "ticker"]
    );
    for (request, json) in sockets[0].requests.iter().zip(&requests) {
        assert_eq!(
            (&json["method"], &json["params"]["snapshot"]),
            (&"subscribe".into(), &true.into())
        );
        // One answer a symbol, all with the request's number.
        let symbols = json["params"]["symbol"].as_array().map_or(1, Vec::len);
        assert_eq!(request.answers, vec![json["req_id"].to_string(); symbols]);
    }
    assert_eq!(requests[1]["params"]["depth"], 10);
    assert_eq!(requests[5]["params"]["event_trigger"], "bbo");
    for channel in ["book", "trade", "ticker"] {
        let of_channel = requests.iter().filter(|r| r["params"]["channel"] == channel);
        let asked: Vec<_> = of_channel
            .filter_map(|r| r["params"]["symbol"].as_array())
            .flatten()
            .collect();
        assert_eq!(asked, names.iter().collect::<Vec<_>>(), "{channel}");
    }
    let mut numbers: Vec<_> = requests.iter().map(|r| r["req_id"].as_u64()).collect();
    numbers.extend(dialect.sockets()[0].requests.iter().map(|r| json(r)["req_id"].as_u64()));
    let count = numbers.len();
    numbers.dedup();
    assert!(
        numbers.is_sorted() && numbers.len() == count,
        "numbers are never used again: {numbers:?}"
    );
}

#[test]
fn lost_books_are_let_go_and_asked_for_anew_at_the_same_depth() {
    let (mut dialect, names) = dialect(120);
    let names: Vec<Box<str>> = names.into_iter().map(Into::into).collect();
    let requests = dialect.resync(&names);
    let told: Vec<_> = requests.iter().map(json).collect();
    let methods: Vec<_> = told.iter().map(|r| r["method"].as_str().unwrap_or("")).collect();
    assert_eq!(methods, ["unsubscribe", "subscribe", "unsubscribe", "subscribe"]);
    assert!(
        told.iter()
            .all(|r| r["params"]["channel"] == "book" && r["params"]["depth"] == 10)
    );
    assert_eq!(told[1]["params"]["symbol"], told[0]["params"]["symbol"]);
    let answers: Vec<_> = requests.iter().map(|r| r.answers.len()).collect();
    assert_eq!(answers, [100, 100, 20, 20]);
    assert!(dialect.resync(&[]).is_empty());
}

#[test]
fn the_venues_limits_are_kept_with_room() {
    let rules = dialect(1).0.rules();
    assert!(rules.connects_per_minute <= 10 && rules.handover_after.is_none());
    assert!(rules.request_spacing.as_millis() >= 200, "at most five a second");
}

#[test]
fn many_names_make_several_connections() {
    let names: Vec<String> = (0..450).map(|n| format!("A{n}/USD")).collect();
    let feeds = built(&format!("kraken:{}", names.join(","))).expect("a feed");
    assert!(feeds.iter().all(|feed| feed.venues() == [venue()]));
    assert_eq!(feeds.len(), 3);
}

#[test]
fn names_that_v2_does_not_have_are_refused_with_what_it_writes() {
    for (text, part) in [
        ("kraken", "needs a target"),
        ("kraken:*", "name the pairs"),
        ("kraken:BTC/USD,*", "name the pairs"),
        ("kraken:BTC/*", "`*`"),
        ("kraken:BTCUSD", "with a slash, such as `BTC/USD`"),
        (
            "kraken:BTC/USD,XBT/USD",
            "instrument `XBT/USD`: the venue's v2 writes BTC",
        ),
        ("kraken:ETH/XBT", "writes BTC"),
        ("kraken:XDG/USD", "writes DOGE"),
        ("kraken:/USD", "two sides"),
        ("kraken:BTC/USD,BTC/USD", "more than once"),
        ("kraken:BTC/USD?depth=5", "`depth`"),
        ("kraken:BTC/USD?url=http://x", "url="),
    ] {
        let error = built(text).err().expect(text).to_string();
        assert!(error.contains(part), "{text}: {error}");
    }
    assert!(built("kraken:BTC/USD,AAPLx/USD?url=ws://127.0.0.1:9&venue=k2").is_ok());
}
