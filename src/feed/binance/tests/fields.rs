//! Which message gives which field, and what is no data.

use super::super::super::parse::{Answer, Counts, Heard, ParseError};
use super::*;

#[test]
fn a_quote_gives_both_sides_and_no_event_time() {
    let spaced = format!("{{ \"data\" : {BOOK} , \"stream\":\"btcusdt@bookTicker\" }}");
    let as_kind = |stream| combined(stream, BOOK);
    for frame in [
        BOOK,
        &spaced,
        &as_kind("btcusdt@bookTicker"),
        &as_kind("x@trade"),
        &as_kind("x"),
    ] {
        let batch = events(&mut parser(), &[frame]);
        let [update] = updates(&batch)[..] else {
            panic!("one update: {batch:?}");
        };
        assert_eq!(update.symbol.as_str(), "binance:BTCUSDT");
        assert_eq!((update.ts_event, update.ts_recv), (None, Ts(5)));
        assert_eq!(named(update), ["bid_price", "bid_size", "ask_price", "ask_size"]);
        assert_eq!(value(update, Field::BidPrice).as_deref(), Some("61837.63"));
        assert_eq!(value(update, Field::AskSize).as_deref(), Some("1.54698"));
    }
}

#[test]
fn a_quote_of_usd_m_has_the_matching_engines_time() {
    for frame in [
        USDM_BOOK,
        &combined("btcusdt@bookTicker", USDM_BOOK),
        &combined("!bookTicker", USDM_BOOK),
    ] {
        let batch = events(&mut parser(), &[frame]);
        let update = updates(&batch)[0];
        assert_eq!(update.ts_event, Some(Ts(1_723_161_256_313_000_000)), "{frame}");
        assert_eq!(value(update, Field::AskPrice).as_deref(), Some("61800.3"));
    }
}

#[test]
fn an_empty_side_has_no_value() {
    let frame = r#"{"u":7,"s":"X","b":"0.00000000","B":"0.00000000","a":"1.5","A":"2"}"#;
    let batch = events(&mut parser(), &[frame]);
    assert_eq!(updates(&batch)[0].fields.get(Field::BidPrice), Some(Value::Cleared));
    assert_eq!(updates(&batch)[0].fields.get(Field::BidSize), Some(Value::Cleared));
    assert_eq!(value(updates(&batch)[0], Field::AskPrice).as_deref(), Some("1.5"));
}

#[test]
fn a_trade_gives_the_last_with_its_side_and_time() {
    let batch = events(&mut parser(), &[&trade(1, "61837.63")]);
    let update = updates(&batch)[0];
    assert!(update.fields.is_trade());
    assert_eq!(named(update), ["last_price", "last_size", "last_side"]);
    assert_eq!(
        value(update, Field::LastSide).as_deref(),
        Some("2"),
        "the buyer was the maker, so the seller took"
    );
    assert_eq!(update.ts_event, Some(Ts(1_723_161_255_342_000_000)));
    let micros = trade(2, "1").replace("1723161255342", "1723161255342001");
    let batch = events(&mut parser(), &[&micros]);
    assert_eq!(updates(&batch)[0].ts_event, Some(Ts(1_723_161_255_342_001_000)));
}

#[test]
fn only_trades_of_the_market_give_the_last() {
    let mut parser = parser();
    let frames = ["MARKET", "NA", "INSURANCE_FUND", "ADL", "MARKET"];
    let frames: Vec<String> = (1..).zip(frames).map(|(id, how)| executed(id, how)).collect();
    let batch = events(&mut parser, &frames.iter().map(String::as_str).collect::<Vec<_>>());
    assert_eq!((updates(&batch).len(), parser.counts().passed_over), (2, 3));
    assert_eq!(parser.counts().gaps, 0, "they count in the numbering");
}

#[test]
fn the_last_price_is_from_agg_trades_only_until_a_trade_comes() {
    let mut parser = parser();
    let batch = events(
        &mut parser,
        &[&agg_trade(1, "5"), &trade(9, "6"), &agg_trade(2, "7"), &trade(10, "8")],
    );
    let prices: Vec<_> = updates(&batch)
        .into_iter()
        .map(|u| value(u, Field::LastPrice))
        .collect();
    assert_eq!(prices, ["5", "6", "8"].map(|p| Some(p.to_string())));
    assert_eq!(parser.counts().passed_over, 1);
}

#[test]
fn day_tickers_give_what_no_faster_source_gave_and_else_the_day_only() {
    let day = ["volume", "open", "high", "low"];
    let batch = events(&mut parser(), &[TICKER]);
    assert_eq!(named(updates(&batch)[0]).len(), 11, "all but the last trade's side");
    assert!(!updates(&batch)[0].fields.is_trade());
    assert_eq!(value(updates(&batch)[0], Field::TradeCount).as_deref(), Some("712097"));
    assert_eq!(updates(&batch)[0].ts_event, Some(Ts(1_711_123_991_960_000_000)));
    let batch = events(&mut parser(), &[MINI]);
    assert_eq!(
        named(updates(&batch)[0]),
        ["last_price", "volume", "open", "high", "low"]
    );
    let (last, quote) = (
        ["last_price", "last_size"],
        ["bid_price", "bid_size", "ask_price", "ask_size"],
    );
    let trade_count = &["trade_count"][..];
    for (live, full, mini) in [
        (
            BOOK,
            [&last[..], &day, trade_count].concat(),
            [&last[..1], &day].concat(),
        ),
        (&trade(1, "5"), [&quote[..], &day, trade_count].concat(), day.to_vec()),
        (
            &agg_trade(1, "5"),
            [&quote[..], &day, trade_count].concat(),
            day.to_vec(),
        ),
    ] {
        let batch = events(&mut parser(), &[live, TICKER, MINI]);
        assert_eq!(named(updates(&batch)[1]), full, "{live}");
        assert_eq!(named(updates(&batch)[2]), mini, "{live}");
    }
    let batch = events(&mut parser(), &[BOOK, &trade(1, "5"), TICKER]);
    assert_eq!(named(updates(&batch)[2]), [&day[..], trade_count].concat());
    let usdm: String = TICKER.replace(r#""b":"553.7","B":"54.24","a":"553.9","A":"29.8","#, "");
    let batch = events(&mut parser(), &[&usdm]);
    assert_eq!(
        named(updates(&batch)[0]),
        [&last[..], &day, trade_count].concat(),
        "that of USD-M has no bid and ask"
    );
    let other = TICKER.replace("BTCUSDT", "ETHUSDT");
    let batch = events(&mut parser(), &[BOOK, &other]);
    assert_eq!(named(updates(&batch)[1]).len(), 11, "sources count for each instrument");
}

#[test]
fn an_all_market_array_gives_each_instrument_and_one_at_fault_hides_no_other() {
    let array = format!(
        "[{MINI},{{\"e\":\"24hrMiniTicker\"}},{}]",
        MINI.replace("BTCUSDT", "ETHUSDT")
    );
    for frame in [
        array.clone(),
        format!(r#"{{"stream":"!miniTicker@arr","data":{array}}}"#),
    ] {
        let (mut parser, mut out) = (parser(), Batch::new());
        assert!(parser.frame(frame.as_bytes(), Ts(1), &mut out).is_err());
        let want = Counts {
            frames: 1,
            updates: 2,
            malformed: 1,
            ..Counts::default()
        };
        assert_eq!((updates(&out).len(), parser.counts()), (2, want));
    }
}

#[test]
fn what_is_no_market_data_is_passed_over_and_says_what_it_is() {
    let answer = |key: &str, refused: Option<&str>| {
        Heard::Answers(vec![Answer {
            key: key.into(),
            refused: refused.map(Into::into),
        }])
    };
    for (frame, heard) in [
        (r#"{"result":null,"id":1}"#, answer("1", None)),
        (r#"{"result":["a@trade"],"id":2}"#, answer("2", None)),
        (
            r#"{"code":2,"msg":"Invalid request"}"#,
            answer("", Some("Invalid request (code 2)")),
        ),
        (
            r#"{"error":{"code":2,"msg":"Invalid request"},"id":1}"#,
            answer("1", Some("Invalid request (code 2)")),
        ),
        (
            r#"{"id":"x","status":400,"error":{"code":-1,"msg":"y"}}"#,
            answer("x", Some("y (code -1)")),
        ),
        (r#"{"error":5,"id":1}"#, Heard::Idle),
        (r#"{"e":"serverShutdown","E":1}"#, Heard::Ending),
        (r#"{"stream":"x","data":{"e":"serverShutdown","E":1}}"#, Heard::Ending),
        (r#"{"lastUpdateId":5,"bids":[["1","2"]],"asks":[]}"#, Heard::Idle),
        (r#"{"e":"kline","E":1,"s":"X","k":{}}"#, Heard::Idle),
        (r#"{"e":"somethingNew","x":[{"y":1}]}"#, Heard::Idle),
        (r#"{"stream":"x@trade","data":{"e":"somethingNew"}}"#, Heard::Idle),
        (r#"{"stream":"x","data":null}"#, Heard::Idle),
        (r#"{"stream":"x","data":{"stream":"y","data":{}}}"#, Heard::Idle),
        ("{}", Heard::Idle),
    ] {
        let (mut parser, mut out) = (parser(), Batch::new());
        let outcome = parser.frame(frame.as_bytes(), Ts(1), &mut out);
        assert_eq!(outcome.ok(), Some(heard), "{frame}");
        assert_eq!((out.len(), parser.counts().passed_over), (0, 1), "{frame}");
    }
}

#[test]
fn market_data_are_data_also_where_they_give_nothing() {
    let depth = r#"{"e":"depthUpdate","E":1,"s":"X","U":1,"u":2,"b":[],"a":[]}"#;
    let (array, empty) = (format!("[{{}},{MINI},{{}}]"), "[]");
    for (frame, heard) in [
        (BOOK, Heard::Data),
        (BOOK, Heard::Data),
        (depth, Heard::Data),
        (&array, Heard::Data),
        (empty, Heard::Idle),
    ] {
        let mut parser = parser();
        let mut out = Batch::new();
        assert_eq!(
            parser.frame(frame.as_bytes(), Ts(1), &mut out).ok(),
            Some(heard),
            "{frame}"
        );
    }
}

#[test]
fn malformed_messages_are_counted_and_the_next_is_read() {
    let (mut parser, mut out) = (parser(), Batch::new());
    let frames = [
        "",
        "not json",
        "[1",
        "\u{0}",
        r#"{"e":5}"#,
        r#"{"u":7,"s":"X"}"#,
        r#"{"u":7,"s":"X","b":1.5,"B":"1","a":"2","A":"1"}"#,
        r#"{"u":-7,"s":"X","b":"1","B":"1","a":"2","A":"1"}"#,
        r#"{"u":7,"s":"A B","b":"1","B":"1","a":"2","A":"1"}"#,
        r#"{"u":7,"s":"","b":"1","B":"1","a":"2","A":"1"}"#,
        r#"{"u":7,"s":"X","b":"1,5","B":"1","a":"2","A":"1"}"#,
        r#"{"e":"trade","s":"X"}"#,
        r#"{"e":"trade","e":"trade"}"#,
        r#"{"stream":"a@trade","data":{"e":"trade"}}"#,
        r#"{"stream":"a@bookTicker","data":{"u":7,"s":"X"}}"#,
        r#"{"stream":"a@bookTicker","data":{"u":7,"s":"X","b":"1,5","B":"1","a":"2","A":"1"}}"#,
        r#"{"stream":"a@trade","data":"#,
        r#"{"e":"trade","s":"X","t":1,"p":"1","q":"1","T":18446744073709551615,"m":true}"#,
    ];
    for frame in frames {
        assert!(parser.frame(frame.as_bytes(), Ts(1), &mut out).is_err(), "{frame}");
    }
    assert!(parser.frame(b"{\"e\":\"trade\xff\"}", Ts(1), &mut out).is_err());
    assert_eq!((parser.counts().malformed, out.len()), (frames.len() as u64 + 1, 0));
    events(&mut parser, &[BOOK]);
}

#[test]
fn values_that_do_not_fit_are_misfits_of_their_field_alone() {
    let frame = BOOK.replace("61837.63000000", "99999999999999999999");
    let batch = events(&mut parser(), &[&frame]);
    assert_eq!(updates(&batch)[0].fields.get(Field::BidPrice), Some(Value::Misfit));
    assert_eq!(value(updates(&batch)[0], Field::BidSize).as_deref(), Some("3.78826"));
}

#[test]
fn escaped_text_is_the_text_it_means() {
    let batch = events(&mut parser(), &[&BOOK.replace("BTCUSDT", "\\u0042TCUSDT")]);
    assert_eq!(updates(&batch)[0].symbol.as_str(), "binance:BTCUSDT");
}

#[test]
fn instruments_beyond_the_bound_are_refused_and_the_others_go_on() {
    let (mut parser, mut out) = (Parser::with_limit(venue(), 1), Batch::new());
    assert!(parser.frame(BOOK.as_bytes(), Ts(1), &mut out).is_ok());
    let outcome = parser.frame(BOOK.replace("BTC", "ETH").as_bytes(), Ts(1), &mut out);
    assert!(
        matches!(outcome, Err(ParseError::TooManySymbols { limit: 1, .. })),
        "{outcome:?}"
    );
    assert!(
        parser
            .frame(BOOK.replace(":7", ":8").as_bytes(), Ts(1), &mut out)
            .is_ok()
    );
    assert_eq!((updates(&out).len(), parser.counts().passed_over), (2, 1));
}
