//! The time on the way: from the venue's stamp to the socket, and in each hop of the service.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde_json::Value;

use crate::support::follower::Follower;
use crate::support::market::Market;
use crate::support::peer::{Options, Peer};
use crate::support::server::Server;
use crate::support::venue::{Setup, Venue};
use crate::support::{LIMIT, captures, eventually};
use tickwire::wire::Encoding;

const MARKET: Market = Market::spot(&["BTCUSDT"]);

/// Seconds since 1970.
fn now() -> f64 {
    let since: Duration = SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970");
    since.as_secs_f64()
}

/// Number of the trades among the first frames, and their stamps in seconds since 1970; quotes of spot have none.
fn trades(venue: &Venue, frames: usize) -> Vec<(u64, f64)> {
    let frames = venue.frames().into_iter().take(frames);
    let trades = frames.filter(|frame| frame.stream.ends_with("@trade")).map(|frame| {
        let message: Value = serde_json::from_str(&frame.text).expect("JSON");
        let number = |key: &str| message["data"][key].as_u64().expect("a number");
        (number("t"), number("T") as f64 / 1e3)
    });
    trades.collect()
}

/// Sum and count of the lag, once so many were measured.
fn lag(server: &Server, count: usize) -> f64 {
    eventually(&format!("{count} lags are measured"), || {
        let measured = MARKET.metric(server, "tickwire_venue_lag_seconds_count");
        assert!(measured <= count as f64, "{measured}: one a trade");
        (measured == count as f64).then(|| MARKET.metric(server, "tickwire_venue_lag_seconds_sum"))
    })
}

fn lag_up_to(server: &Server, bound: &str) -> f64 {
    server.metric("tickwire_venue_lag_seconds_bucket", &format!("le=\"{bound}\""))
}

#[test]
fn an_old_stamp_lags_by_years_and_one_of_the_future_by_less_than_nothing() {
    let Some(path) = captures::real("binance/spot_btcusdt_20240808.capture.gz") else {
        return;
    };
    let venue = Setup::new(MARKET.kind, &path).start();
    let server = MARKET.serve(&venue);
    let trades = trades(&venue, 2_000);
    let earliest = now();
    venue.play_to(2_000);
    let sum = lag(&server, trades.len());
    let latest = now();
    let bound = |now: f64| trades.iter().map(|(_, stamp)| now - stamp).sum::<f64>();
    // A float of so many seconds is exact to far less than this.
    let is_within = bound(earliest) - 1e-3 <= sum && sum <= bound(latest) + 1e-3;
    assert!(is_within, "{} <= {sum} <= {}", bound(earliest), bound(latest));
    for bucket in ["-1", "0", "60"] {
        assert_eq!(lag_up_to(&server, bucket), 0.0, "{bucket}");
    }

    // 2100-01-01.
    let ahead = 4_102_444_800.0;
    let (last, _) = trades.last().expect("there are trades");
    venue.send(&format!(
        r#"{{"stream":"btcusdt@trade","data":{{"e":"trade","E":{ahead}000,"s":"BTCUSDT","t":{},"p":"1.00","q":"1.00","T":{ahead}000,"m":true,"M":true}}}}"#,
        last + 1
    ));
    let grown = lag(&server, trades.len() + 1) - sum;
    assert!((latest - ahead - 1.0..=now() - ahead + 1.0).contains(&grown), "{grown}");
    for bucket in ["-1", "0", "60"] {
        assert_eq!(lag_up_to(&server, bucket), 1.0, "{bucket}");
    }
}

#[test]
fn every_hop_is_measured() {
    let Some(path) = captures::real("binance/spot_4symbols_20211012.capture.gz") else {
        return;
    };
    let market = Market::spot(&["NKNUSDT"]);
    let venue = Setup::new(market.kind, &path).start();
    let server = market.serve(&venue);
    let mut peer = Peer::connect(server.addr, Options::of(Encoding::Protobuf));
    let mut follower = Follower::subscribe(&mut peer, &[&market.all()]);
    venue.play_rest();
    while follower.view.is_empty() {
        let message = peer.message();
        follower.take(&message);
    }
    for hop in ["feed", "queue", "beat", "write"] {
        let label = format!("hop=\"{hop}\"");
        let count = eventually(&format!("{hop} is measured"), || {
            let count = server.metric("tickwire_hop_seconds_count", &label);
            (count > 0.0).then_some(count)
        });
        let mean = server.metric("tickwire_hop_seconds_sum", &label) / count;
        assert!((0.0..LIMIT.as_secs_f64()).contains(&mean), "{hop}: {mean} s");
    }
}
