//! The kinds of feeds, one line each.

use super::spec::listed;
use super::{
    Feed, FeedContext, FeedSpec, SpecError, binance, coinbase, coinbase_exchange, kraken, ndjson, replay, synthetic,
};

type Build = fn(&FeedSpec, &FeedContext) -> Result<Vec<Box<dyn Feed>>, SpecError>;

const KINDS: &[(&str, Build)] = &[
    ("synthetic", synthetic::build),
    ("replay", replay::build),
    (binance::VENUE, binance::build_spot),
    (binance::VENUE_USDM, binance::build_usdm),
    ("coinbase", coinbase::build),
    ("coinbase-exchange", coinbase_exchange::build),
    (kraken::VENUE, kraken::build),
    ("ndjson", ndjson::build),
];

/// Makes the feeds of one specification, one for each connection. What can be known at once, such as a missing file, is told at once; may block on a file.
///
/// # Errors
/// Names what is at fault and what is allowed.
pub fn build(spec: &FeedSpec, context: &FeedContext) -> Result<Vec<Box<dyn Feed>>, SpecError> {
    match KINDS.iter().find(|(kind, _)| *kind == spec.kind()) {
        Some((_, build)) => build(spec, context),
        None => Err(SpecError::UnknownKind {
            kind: spec.kind().into(),
            allowed: listed(KINDS.iter().map(|(kind, _)| *kind)),
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::sync::watch;

    fn built(text: &str) -> Result<Vec<Box<dyn Feed>>, SpecError> {
        let context = FeedContext::new(watch::channel(false).1);
        build(&FeedSpec::parse(text)?, &context)
    }

    #[test]
    fn an_unknown_kind_names_those_there_are() {
        let error = built("nasdaq:AAPL").err().expect("no such kind").to_string();
        let start = "unknown feed kind `nasdaq`: allowed are `synthetic`, `replay`, `binance`";
        assert!(error.starts_with(start), "{error}");
    }

    #[test]
    fn every_kind_refuses_what_it_does_not_know_and_what_is_out_of_bounds() {
        for (text, part) in [
            ("synthetic?speed=1", "`speed`"),
            ("synthetic:x", "takes no target"),
            ("synthetic?symbols=0", "from 1 to 1000000"),
            ("synthetic?symbols=1000001", "from 1 to 1000000"),
            ("synthetic?rate=10000001", "from 0 to 10000000"),
            ("synthetic?rate=1e3", "rate=1e3"),
            ("synthetic?seed=-1", "seed=-1"),
            ("synthetic?activity=odd", "`even` or `market`"),
            ("synthetic?venue=$own", "venue=$own"),
            ("replay", "needs a target"),
            ("replay:/nowhere/x.gz?speed=0", "speed=0"),
            ("replay:/nowhere/x.gz?speed=1001", "speed=1001"),
            ("replay:/nowhere/x.gz?speed=NaN", "speed=NaN"),
            ("replay:/nowhere/x.gz?loop=yes", "`true` or `false`"),
            ("replay:/nowhere/x.gz?start=later", "`now` or `first_subscriber`"),
            ("replay:/nowhere/x.gz?rate=1", "`rate`"),
            ("replay:/nowhere/x.gz", "/nowhere/x.gz"),
            ("ndjson", "needs a target"),
            ("ndjson:/nowhere/x.ndjson", "/nowhere/x.ndjson"),
            ("ndjson:/", "is a directory"),
            ("ndjson:-?speed=1", "no option `speed`"),
            ("ndjson:-?venue=$x", "venue=$x"),
            ("ndjson:-?venue=", "venue="),
            ("ndjson:tcp://", "tcp://HOST:PORT"),
            ("ndjson:tcp://host", "tcp://HOST:PORT"),
            ("ndjson:tcp://host:0", "tcp://HOST:PORT"),
            ("ndjson:tcp://:9", "tcp://HOST:PORT"),
            ("ndjson:tcp://host:65536", "tcp://HOST:PORT"),
        ] {
            let error = built(text).err().expect(text).to_string();
            assert!(error.contains(part), "{text}: {error}");
        }
        assert!(built(super::super::DEFAULT_SPEC).is_ok());
    }

    #[test]
    fn two_feeds_of_one_venue_are_refused_and_a_rename_helps() {
        let both = |texts: [&str; 2]| {
            let context = FeedContext::new(watch::channel(false).1);
            let specs = texts.map(|text| FeedSpec::parse(text).expect(text));
            specs.iter().try_for_each(|spec| build(spec, &context).map(drop))
        };
        let error = both(["synthetic", "synthetic?seed=2"]).expect_err("twice").to_string();
        assert!(error.contains("`synthetic`"), "{error}");
        assert!(both(["synthetic", "synthetic?venue=other"]).is_ok());
    }
}
