//! The words by which a feed is asked for: an input is one specification.

use tickwire::feed::{FeedContext, FeedSpec, build};
use tokio::sync::watch;

/// Kinds whose feeds are made without a look at a file, and none of them connects before it runs.
const KINDS: &[&str] = &[
    "synthetic",
    "binance",
    "binance-usdm",
    "coinbase",
    "coinbase-exchange",
    "kraken",
];

/// Any text. What is taken can be written with every byte encoded, and its feeds belong to one venue, once.
pub fn feed_spec(input: &[u8]) {
    let Ok(text) = std::str::from_utf8(input) else { return };
    let spec = match FeedSpec::parse(text) {
        Ok(spec) => spec,
        Err(error) => {
            assert!(error.is_usage(), "{error}");
            return;
        }
    };
    assert!(!spec.kind().is_empty() && !spec.kind().contains([':', '?']), "{spec:?}");
    assert!(text.starts_with(spec.kind()));
    assert_eq!(FeedSpec::parse(&encoded(text)).expect("what was taken"), spec, "{text}");
    if !KINDS.contains(&spec.kind()) || text.contains("ca_file") {
        return;
    }
    let context = FeedContext::new(watch::channel(false).1);
    match build(&spec, &context) {
        Ok(feeds) => {
            let venue = feeds.first().expect("at least one feed").venues();
            assert!(venue.len() == 1 && feeds.iter().all(|feed| feed.venues() == venue));
            assert!(build(&spec, &context).is_err(), "a venue has one feed");
        }
        Err(error) => assert!(error.is_usage(), "{error}"),
    }
}

/// The same specification with each byte of target and values written `%XX`.
fn encoded(text: &str) -> String {
    let (head, query) = text
        .split_once('?')
        .map_or((text, None), |(head, query)| (head, Some(query)));
    let mut all = match head.split_once(':') {
        Some((kind, target)) => format!("{kind}:{}", percent(target)),
        None => head.to_owned(),
    };
    for (at, option) in query.into_iter().flat_map(|query| query.split('&')).enumerate() {
        let (key, value) = option.split_once('=').expect("an option that was taken");
        all.push(if at == 0 { '?' } else { '&' });
        all.push_str(&format!("{key}={}", percent(value)));
    }
    all
}

/// What is encoded already stays.
fn percent(text: &str) -> String {
    let mut left = 0;
    let encode = |byte: u8| {
        if byte == b'%' {
            left = 3;
        }
        let is_encoded = left > 0;
        left = i32::max(left - 1, 0);
        match is_encoded {
            true => char::from(byte).to_string(),
            false => format!("%{byte:02X}"),
        }
    };
    text.bytes().map(encode).collect()
}
