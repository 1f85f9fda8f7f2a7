//! The other channels, answers, and what is passed over or malformed.

use super::*;

#[test]
fn trades_come_in_order_and_never_twice_and_those_of_a_snapshot_are_no_news() {
    let three = [
        trade_text(9, "5", "SELL"),
        trade_text(8, "4", "BUY"),
        trade_text(7, "3", "BUY"),
    ];
    let more = [trade_text(11, "7", "BUY"), trade_text(10, "6", "SELL")];
    let mut parser = parser();
    let frames = [
        trades(0, "snapshot", &three),
        trades(1, "update", &more),
        trades(2, "update", &more),
        trades(3, "snapshot", &three),
    ];
    let (_, batch) = run(&mut parser, &frames);
    assert_eq!(
        told(&batch),
        [
            "last_price=5 last_size=0.5 last_side=1",
            "last_price=6 last_size=0.5 last_side=1",
            "last_price=7 last_size=0.5 last_side=2",
        ]
    );
    assert_eq!(
        updates(&batch).iter().map(|u| u.fields.is_trade()).collect::<Vec<_>>(),
        [false, true, true]
    );
    assert_eq!(updates(&batch)[0].ts_event, Some(Ts(1_786_309_548_167_634_000)));
    assert_eq!((parser.counts().updates, parser.counts().stale), (3, 2));
}

#[test]
fn the_ticker_gives_the_day_and_the_last_price_only_until_a_trade_comes() {
    let (_, batch) = run(
        &mut parser(),
        &[ticker(0), trades(1, "update", &[trade_text(1, "5", "BUY")]), ticker(2)],
    );
    assert_eq!(
        told(&batch),
        [
            "last_price=65086.18 volume=2867.5 high=65252.99 low=64675.22",
            "last_price=5 last_size=0.5 last_side=2",
            "volume=2867.5 high=65252.99 low=64675.22",
        ]
    );
    assert_eq!(updates(&batch)[0].ts_event, Some(Ts(1_786_309_548_500_000_000)));
}

#[test]
fn answers_are_by_channel_and_a_refusal_is_of_the_first_without_one() {
    let heartbeats = message(
        0,
        "subscriptions",
        r#"[{"subscriptions":{"heartbeats":["heartbeats"]}}]"#,
    );
    let error = r#"{"type":"error","message":"no such product","reason":"X"}"#.to_string();
    let trades = message(
        1,
        "subscriptions",
        r#"[{"subscriptions":{"market_trades":["A"],"heartbeats":["heartbeats"]}}]"#,
    );
    let (heard, batch) = run(
        &mut parser(),
        &[heartbeats, error.clone(), error.clone(), trades, error],
    );
    let yes = |key: &str| Answer {
        key: key.into(),
        refused: None,
    };
    let no = |key: &str| Answer {
        key: key.into(),
        refused: Some("no such product: X".into()),
    };
    assert_eq!(
        heard,
        [
            vec![yes("heartbeats")],
            vec![no("level2")],
            vec![no("ticker")],
            vec![yes("heartbeats"), yes("market_trades")],
            vec![no("level2")],
        ]
        .map(Heard::Answers)
    );
    assert_eq!(batch, []);
}

#[test]
fn messages_of_no_use_are_passed_over() {
    for (frame, want) in [
        (
            message(0, "heartbeats", r#"[{"current_time":"x","heartbeat_counter":1}]"#),
            Heard::Idle,
        ),
        (
            message(0, "candles", r#"[{"type":"snapshot","candles":[]}]"#),
            Heard::Data,
        ),
        (message(0, "status", "[]"), Heard::Data),
        (message(0, "something_new", "{}"), Heard::Data),
        (message(0, "l2_data", "[]"), Heard::Data),
        ("{}".into(), Heard::Data),
        (r#"{"type":"new"}"#.into(), Heard::Data),
    ] {
        let mut parser = parser();
        let (heard, batch) = run(&mut parser, std::slice::from_ref(&frame));
        assert_eq!((heard, batch), (vec![want], Batch::new()), "{frame}");
        assert_eq!(parser.counts().passed_over, 1, "{frame}");
    }
}

#[test]
fn malformed_messages_are_counted_and_the_next_is_read() {
    let (mut parser, mut out) = (parser(), Batch::new());
    let frames = [
        String::new(),
        "not json".into(),
        "[1]".into(),
        r#"{"channel":5}"#.into(),
        r#"{"channel":"l2_data"}"#.into(),
        r#"{"channel":"ticker","sequence_num":-1}"#.into(),
        message(0, "l2_data", "{}"),
        message(1, "ticker", r#"[{"tickers":[{}]}]"#),
        ticker(2).replace("2867.5", "2,867"),
        ticker(3).replace("BTC-USD", "BTC USD"),
        ticker(4).replace("21:05:48", "25:05:48"),
        trades(5, "update", &[trade_text(2, "1", "BUY"), trade_text(1, "x", "BUY")]),
        trades(6, "update", &[trade_text(3, "1", "HOLD")]),
        trades(7, "update", &[trade_text(3, "1", "BUY").replace("\"3\"", "\"three\"")]),
        message(8, "subscriptions", r#"[{"subscriptions":[]}]"#),
    ];
    for frame in &frames {
        assert!(parser.frame(frame.as_bytes(), Ts(1), &mut out).is_err(), "{frame}");
    }
    assert!(parser.frame(b"{\"channel\":\"\xff\"}", Ts(1), &mut out).is_err());
    assert_eq!(
        (parser.counts().malformed, &out),
        (frames.len() as u64 + 1, &Batch::new())
    );
    assert_eq!(run(&mut parser, &[snapshot(9, "BTC-USD")]).1.len(), 2);
}

#[test]
fn an_answer_without_any_channel_refuses_the_first_that_waits_for_one() {
    let heartbeats = message(
        0,
        "subscriptions",
        r#"[{"subscriptions":{"heartbeats":["heartbeats"]}}]"#,
    );
    let nothing = message(1, "subscriptions", r#"[{"subscriptions":{}}]"#);
    let (heard, _) = run(&mut parser(), &[heartbeats, nothing]);
    let Heard::Answers(answers) = &heard[1] else {
        panic!("{heard:?}");
    };
    assert_eq!((answers.len(), answers[0].key.as_str()), (1, "level2"));
    assert!(
        answers[0]
            .refused
            .as_ref()
            .is_some_and(|why| why.contains("no product"))
    );
}
