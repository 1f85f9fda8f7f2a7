//! What the venue is asked.

use super::*;

fn built(text: &str) -> Result<usize, String> {
    let context = FeedContext::new(watch::channel(false).1);
    let spec = FeedSpec::parse(text).map_err(|error| error.to_string())?;
    build(&spec, &context)
        .map(|feeds| feeds.len())
        .map_err(|error| error.to_string())
}

#[test]
fn a_feed_names_its_products_and_what_is_wrong_with_them() {
    for (text, part) in [
        ("coinbase", "needs a target"),
        ("coinbase:*", "name each"),
        ("coinbase:BTC-*", "`BTC-*`"),
        ("coinbase:BTC-USD,BTC-USD", "more than once"),
        ("coinbase:BTC-USD?depth=5", "`depth`"),
        ("coinbase:BTC-USD?url=http://x", "url=http://x"),
    ] {
        let error = built(text).expect_err(text);
        assert!(error.contains(part), "{text}: {error}");
    }
    built("coinbase:BTC-USD,ETH-USD?venue=cb&url=ws://127.0.0.1:1").expect("a feed");
}

#[test]
fn heartbeats_are_asked_for_first_and_every_channel_of_all_products_once() {
    let venue = VenueName::parse("coinbase").expect("a venue");
    let products = vec!["BTC-USD".into(), "ETH-USD".into()];
    let mut connection = Connection { venue, products };
    let [socket] = &connection.sockets()[..] else {
        panic!("one socket")
    };
    assert_eq!(socket.path, "/");
    let texts: Vec<&str> = socket.requests.iter().map(|r| r.text.as_str()).collect();
    assert_eq!(
        texts,
        [
            r#"{"channel":"heartbeats","type":"subscribe"}"#,
            r#"{"channel":"level2","product_ids":["BTC-USD","ETH-USD"],"type":"subscribe"}"#,
            r#"{"channel":"ticker","product_ids":["BTC-USD","ETH-USD"],"type":"subscribe"}"#,
            r#"{"channel":"market_trades","product_ids":["BTC-USD","ETH-USD"],"type":"subscribe"}"#,
        ]
    );
    let keys: Vec<&str> = socket
        .requests
        .iter()
        .flat_map(|r| &r.answers)
        .map(String::as_str)
        .collect();
    assert_eq!(keys, ["heartbeats", "level2", "ticker", "market_trades"]);
    let resync = connection.resync(&["ETH-USD".into()]);
    assert_eq!(
        resync[0].text,
        r#"{"channel":"level2","product_ids":["ETH-USD"],"type":"unsubscribe"}"#
    );
    assert_eq!(
        resync[1].text,
        r#"{"channel":"level2","product_ids":["ETH-USD"],"type":"subscribe"}"#
    );
    assert_eq!(resync[1].answers, ["level2"]);
}

#[test]
fn products_are_shared_out_a_hundred_to_a_connection() {
    let names: Vec<String> = (0..250).map(|n| format!("P{n}-USD")).collect();
    let spec = FeedSpec::parse(&format!("coinbase:{}", names.join(","))).expect("a spec");
    let context = FeedContext::new(watch::channel(false).1);
    let target = target(&spec, &context, "coinbase", "wss://x").expect("a target");
    let shares = std::cell::RefCell::new(Vec::new());
    let dialects = connections(&target, |venue, products| {
        shares.borrow_mut().push(products.len());
        Box::new(Connection { venue, products })
    });
    assert_eq!((dialects.len(), shares.into_inner()), (3, vec![100, 100, 50]));
}
