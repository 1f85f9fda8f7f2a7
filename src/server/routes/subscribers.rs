//! `GET /v1/subscribers`: who lags, by how much, and what it cost.

use std::cmp::Reverse;
use std::net::IpAddr;
use std::sync::Arc;

use axum::extract::{Extension, State};
use axum::http::{HeaderMap, Uri};
use axum::response::Response;
use serde::Serialize;

use crate::auth::Identity;
use crate::engine::BEAT;
use crate::fanout::Standing;
use crate::server::bounds::{LISTED, LISTED_UNASKED};
use crate::server::error::ApiError;
use crate::server::query_string::{digits, values};
use crate::server::reply::json;
use crate::server::session::Running;
use crate::server::{App, Peer};

#[derive(Serialize)]
struct Answer {
    /// All there are, listed or not.
    subscribers: usize,
    /// Of these, such as take no more now.
    slow: usize,
    listed: Vec<Row>,
}

#[derive(Serialize)]
struct Row {
    session: String,
    identity: String,
    client: IpAddr,
    tls: bool,
    since: String,
    encoding: &'static str,
    compression: &'static str,
    interval_ms: u64,
    symbols: usize,
    behind: u64,
    blocked_ms: u64,
    slow: bool,
    skipped: u64,
    window: u32,
    unconfirmed: usize,
    bytes: u64,
}

impl Row {
    fn new(standing: &Standing, running: Running) -> Row {
        let in_ms = |beats: u64| beats.saturating_mul(BEAT.as_millis() as u64);
        Row {
            session: standing.id.to_string(),
            identity: running.identity.to_string(),
            client: running.client,
            tls: running.is_tls,
            since: running.since.as_wire().to_string(),
            encoding: standing.encoding.name(),
            compression: standing.compression.name(),
            interval_ms: in_ms(standing.pace_beats),
            symbols: standing.symbols,
            behind: standing.behind,
            blocked_ms: in_ms(standing.blocked_beats),
            slow: standing.is_slow,
            skipped: standing.skipped,
            window: standing.window,
            unconfirmed: standing.unconfirmed,
            bytes: standing.sent_bytes,
        }
    }
}

/// Lists those who lag most. It names people and their addresses, so it is for who may read statistics.
///
/// # Errors
/// It may not, or the query is wrong.
pub(in crate::server) async fn subscribers(
    State(app): State<Arc<App>>,
    Extension(peer): Extension<Peer>,
    Extension(identity): Extension<Identity>,
    uri: Uri,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    if !identity.entitlement.may_read_statistics {
        let words = "the list of subscribers needs an entitlement with `statistics = true`";
        return Err(ApiError::forbidden(words));
    }
    let limit = limit(uri.query())?;
    let mut standings = app.fanout.standings().await;
    sort(&mut standings);
    // A session that ends just now has left already, but not yet its shard.
    let row = |standing: &Standing| Some(Row::new(standing, app.sessions.get(standing.id)?));
    let answer = Answer {
        subscribers: standings.len(),
        slow: standings.iter().filter(|standing| standing.is_slow).count(),
        listed: standings.iter().filter_map(row).take(limit).collect(),
    };
    let body = serde_json::to_vec(&answer).unwrap_or_default();
    Ok(json(app.hold(body, peer.client(&app, &headers), &peer)?))
}

fn limit(query: Option<&str>) -> Result<usize, ApiError> {
    let [limit] = values(query, ["limit"])?;
    let Some(text) = limit else { return Ok(LISTED_UNASKED) };
    let limit = digits(&text).filter(|limit| LISTED.contains(limit));
    let (least, most) = LISTED.into_inner();
    let words = || format!("`limit` must be a number from {least} to {most}");
    limit
        .map(|limit| limit as usize)
        .ok_or_else(|| ApiError::invalid(words()))
}

/// Who lags most first: slow, then far behind, then long blocked, then much skipped; among equals the oldest.
fn sort(standings: &mut [Standing]) {
    standings.sort_unstable_by_key(|s| (Reverse((s.is_slow, s.behind, s.blocked_beats, s.skipped)), s.id.0));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fanout::SubscriberId;
    use crate::wire::{Compression, Encoding};

    fn standing(id: u64, is_slow: bool, behind: u64, blocked_beats: u64, skipped: u64) -> Standing {
        Standing {
            id: SubscriberId(id),
            encoding: Encoding::Json,
            compression: Compression::Deflate,
            pace_beats: 10,
            symbols: 3,
            behind,
            blocked_beats,
            is_slow,
            skipped,
            window: 8,
            unconfirmed: 2,
            sent_bytes: 900,
        }
    }

    #[test]
    fn who_lags_most_is_first_and_skipped_beats_of_long_ago_count_least() {
        let mut all = [
            standing(1, false, 0, 0, 0),
            standing(2, false, 0, 0, 9_000),
            standing(3, false, 0, 7, 0),
            standing(4, false, 5, 0, 0),
            standing(5, true, 0, 0, 0),
            standing(6, true, 4, 1, 1),
            standing(7, true, 4, 2, 0),
            standing(8, false, 0, 0, 0),
        ];
        all.reverse();
        sort(&mut all);
        assert_eq!(all.map(|standing| standing.id.0), [7, 6, 5, 4, 3, 2, 1, 8]);
    }

    #[test]
    fn a_row_has_times_in_milliseconds_and_nanoseconds() {
        let running = Running {
            identity: "alice".into(),
            client: "2001:db8::1".parse().expect("an address"),
            since: crate::market::Ts(5_000_000_001),
            is_tls: false,
        };
        let row = Row::new(&standing(4, true, 5, 150, 40), running);
        let want = serde_json::json!({
            "session": "s4", "identity": "alice", "client": "2001:db8::1", "tls": false, "since": "5000000001",
            "encoding": "json", "compression": "deflate", "interval_ms": 100, "symbols": 3, "behind": 5,
            "blocked_ms": 1_500, "slow": true, "skipped": 40, "window": 8, "unconfirmed": 2, "bytes": 900,
        });
        assert_eq!(serde_json::to_value(&row).expect("JSON"), want);
    }
}
