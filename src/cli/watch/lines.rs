//! Changes as lines of text, notices as sentences.

use std::fmt::Write;

use crate::client::{Changed, Notice, Ticker, View};
use crate::market::{Field, TickerState};

/// At most `most` lines, one for each changed instrument, and how many they are.
pub(super) fn changed(view: &View, changed: &Changed, is_json: bool, most: usize) -> (String, usize) {
    let mut text = String::new();
    let mut count = 0;
    if changed.is_everything {
        for ticker in view.iter().take(most) {
            line(&mut text, view, ticker, is_json);
            count += 1;
        }
        return (text, count);
    }
    for symbol in changed.symbols.iter().take(most) {
        match view.get(symbol.as_str()) {
            Some(ticker) => line(&mut text, view, ticker, is_json),
            None if is_json => text.push_str(&format!(
                "{}\n",
                serde_json::json!({"symbol": symbol.as_str(), "removed": true})
            )),
            None => text.push_str(&format!("{symbol} removed\n")),
        }
        count += 1;
    }
    (text, count)
}

fn line(text: &mut String, view: &View, ticker: &Ticker, is_json: bool) {
    if is_json {
        json(text, view, ticker)
    } else {
        plain(text, view, ticker)
    }
}

// Writing to a String does not fail, so its results are dropped below.

fn plain(text: &mut String, view: &View, ticker: &Ticker) {
    let _ = write!(text, "{} seq={}", ticker.symbol(), view.seq());
    for (field, value) in ticker.values() {
        match (field, ticker.last_side()) {
            (Field::LastSide, Some(side)) => drop(write!(text, " last_side={}", side.word())),
            _ => drop(write!(text, " {}={value}", field.name())),
        }
    }
    let _ = write!(text, " updates={} state={}", ticker.update_count(), state_word(ticker));
    if let Some(cause) = ticker.cause() {
        let _ = write!(text, " cause={}", cause.word());
    }
    text.push('\n');
}

fn json(text: &mut String, view: &View, ticker: &Ticker) {
    // By hand, to keep the symbol first: nothing but the symbol can need escapes.
    let symbol = serde_json::Value::from(ticker.symbol().as_str());
    let _ = write!(text, "{{\"symbol\":{symbol},\"seq\":{}", view.seq());
    for (field, value) in ticker.values() {
        // Exact decimals are strings, as on the wire; counts are numbers.
        let _ = match (field, ticker.last_side()) {
            (Field::LastSide, Some(side)) => write!(text, ",\"last_side\":\"{}\"", side.word()),
            (Field::TradeCount, _) => write!(text, ",\"trade_count\":{value}"),
            _ => write!(text, ",\"{}\":\"{value}\"", field.name()),
        };
    }
    let _ = write!(
        text,
        ",\"update_count\":{},\"state\":\"{}\"",
        ticker.update_count(),
        state_word(ticker)
    );
    if let Some(cause) = ticker.cause() {
        let _ = write!(text, ",\"cause\":\"{}\"", cause.word());
    }
    if let Some(ts) = ticker.ts_event() {
        let _ = write!(text, ",\"ts_event\":\"{}\"", ts.0);
    }
    let _ = writeln!(text, ",\"live\":{}}}", view.is_live(ticker));
}

/// A notice in words, `None` for those that are not worth a line.
pub(super) fn sentence(notice: &Notice) -> Option<String> {
    Some(match notice {
        Notice::Connected {
            server,
            session,
            interval_ms,
            ..
        } => {
            format!("connected to {server}, session {session}, a delta at most every {interval_ms} ms")
        }
        Notice::SnapshotDone { pending, .. } if !pending.is_empty() => {
            format!("not there yet, shown when they appear: {}", pending.join(" "))
        }
        Notice::Venue { name, status } => match status.reason.as_str() {
            "" => format!("venue {name} is {}", status.state.word()),
            reason => format!("venue {name} is {}: {reason}", status.state.word()),
        },
        Notice::Repair(Some(breach)) => format!("the server broke the protocol, asking again: {breach}"),
        Notice::Repair(None) => "something was lost on the way, asking again".into(),
        Notice::Goaway {
            reason,
            reconnect_after,
            ..
        } => {
            format!("the server is closing ({reason}), back in {reconnect_after:.1?}")
        }
        Notice::Disconnected { reason, retry_in } => format!("{reason}; trying again in {retry_in:.1?}"),
        Notice::Missed(count) => format!("{count} messages were not shown"),
        _ => return None,
    })
    .map(|text: String| {
        text.chars()
            .map(|c| if c.is_control() { '\u{fffd}' } else { c })
            .collect()
    })
}

pub(super) fn state_word(ticker: &Ticker) -> &'static str {
    ticker.state().map_or("unknown", TickerState::word)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::proto::{Instrument, ServerMessage, Snapshot, Ticker as Entry, server_message::Body};

    fn view() -> View {
        let instrument = Instrument {
            id: 1,
            symbol: "a:\"B".into(),
            price_decimals: 2,
            ..Default::default()
        };
        let values = Entry {
            id: 1,
            bid_price: Some(-5),
            last_side: Some(2),
            trade_count: Some(7),
            ..Default::default()
        };
        let values = Entry {
            state: Some(2),
            cause: Some(1),
            update_count: Some(9),
            ..values
        };
        let snapshot = Snapshot {
            epoch: 1,
            seq: 4,
            instruments: vec![instrument],
            tickers: vec![values],
            ..Default::default()
        };
        let mut view = View::new();
        let _ = view.apply(&ServerMessage {
            body: Some(Body::Snapshot(snapshot)),
        });
        view
    }

    #[test]
    fn a_changed_instrument_is_one_line_exact_in_both_forms() {
        let all = Changed {
            is_everything: true,
            ..Default::default()
        };
        let (plain, count) = changed(&view(), &all, false, 5);
        let line = "a:\"B seq=4 bid_price=-0.05 trade_count=7 last_side=sell updates=9 state=stale cause=gap\n";
        assert_eq!((plain.as_str(), count), (line, 1));
        let (json, _) = changed(&view(), &all, true, 5);
        let value: serde_json::Value = serde_json::from_str(&json).expect("JSON");
        assert_eq!(value["symbol"], "a:\"B");
        assert_eq!(value["bid_price"], "-0.05");
        assert_eq!((&value["trade_count"], &value["live"]), (&7.into(), &false.into()));
        assert!(json.starts_with("{\"symbol\"") && json.ends_with("}\n"));
    }

    #[test]
    fn what_a_server_says_cannot_move_the_cursor() {
        let goaway = Notice::Goaway {
            reason: "\x1b[2J\u{9b}x".into(),
            reconnect_after: Default::default(),
            url: "".into(),
        };
        let text = sentence(&goaway).expect("a sentence");
        assert!(!text.chars().any(char::is_control), "{text:?}");
    }
}
