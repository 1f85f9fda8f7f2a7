//! Books: what is told of them, and how one is lost and comes back.

use super::*;

#[test]
fn the_best_levels_are_told_when_they_change_and_no_others() {
    let frames = [
        snapshot(0, "BTC-USD"),
        update(1, "bid 9 7"),
        update(2, "bid 10 0"),
        update(3, "offer 11 5"),
        update(4, "offer 10.5 1"),
        update(5, "bid 3 0"),
        snapshot(6, "BTC-USD"),
    ];
    let mut parser = parser();
    let (heard, batch) = run(&mut parser, &frames);
    assert_eq!(
        told(&batch),
        [
            "bid_price=10 bid_size=1 ask_price=11 ask_size=3",
            "BTC-USD live",
            "bid_price=9 bid_size=7",
            "ask_price=11 ask_size=5",
            "ask_price=10.5 ask_size=1",
            "bid_price=10 bid_size=1 ask_price=11 ask_size=3",
        ]
    );
    assert!(heard.iter().all(|h| *h == Heard::Data), "{heard:?}");
    let want = Counts {
        frames: 7,
        updates: 5,
        passed_over: 2,
        ..Counts::default()
    };
    assert_eq!(parser.counts(), want);
    let first = updates(&batch)[0];
    assert_eq!((first.symbol.as_str(), first.ts_recv), ("coinbase:BTC-USD", Ts(5)));
    assert_eq!(first.ts_event, Some(Ts(1_786_309_548_250_000_000)), "the levels' own");
}

#[test]
fn a_side_without_levels_has_no_value_and_a_stamp_of_the_year_1_is_none() {
    let mut frame = book(0, "snapshot", "BTC-USD", &["bid 10 1"]);
    frame = frame.replace("2026-08-09T21:05:48.25Z", "0001-01-01T00:00:00Z");
    let (_, batch) = run(&mut parser(), &[frame.clone()]);
    assert_eq!(
        told(&batch)[0],
        "bid_price=10 bid_size=1 ask_price=Cleared ask_size=Cleared"
    );
    assert_eq!(
        updates(&batch)[0].ts_event,
        Some(Ts(1_786_309_548_500_000_000)),
        "the message's"
    );
    let (_, batch) = run(
        &mut parser(),
        &[frame.replace("2026-08-09T21:05:48.5Z", "0001-01-01T00:00:00Z")],
    );
    assert_eq!(updates(&batch)[0].ts_event, None);
}

#[test]
fn changes_of_a_book_without_snapshot_are_passed_over() {
    let mut parser = parser();
    let (heard, batch) = run(&mut parser, &[update(4, "bid 10 1"), update(5, "bid 11 1")]);
    assert_eq!((heard, batch), (vec![Heard::Data, Heard::Data], Batch::new()));
    assert_eq!(parser.counts().passed_over, 2);
}

#[test]
fn a_hole_loses_every_book_and_asks_for_all_until_their_snapshots_come() {
    let mut parser = parser();
    let (heard, batch) = run(
        &mut parser,
        &[
            snapshot(0, "BTC-USD"),
            snapshot(1, "ETH-USD"),
            update(3, "bid 10 5"),
            update(4, "bid 10 6"),
            snapshot(5, "ETH-USD"),
            update(6, "bid 10 7"),
            snapshot(7, "BTC-USD"),
            update(8, "bid 10 8"),
        ],
    );
    assert_eq!(states(&batch), [LIVE, LIVE, STALE, STALE, LIVE, LIVE]);
    assert_eq!(
        told(&batch)[8..],
        [
            "bid_price=10 bid_size=1 ask_price=11 ask_size=3",
            "BTC-USD live",
            "bid_price=10 bid_size=8"
        ]
    );
    assert_eq!(heard[2], lost(&["BTC-USD", "ETH-USD"]));
    assert_eq!(heard.iter().filter(|h| **h != Heard::Data).count(), 1, "{heard:?}");
    assert_eq!((parser.counts().gaps, parser.counts().updates), (1, 5));
}

#[test]
fn what_is_lost_is_said_after_the_answers_and_after_a_message_at_fault() {
    let answer = message(2, "subscriptions", r#"[{"subscriptions":{"level2":["BTC-USD"]}}]"#);
    let (heard, _) = run(
        &mut parser(),
        &[snapshot(0, "BTC-USD"), answer, message(3, "heartbeats", "[]")],
    );
    assert!(matches!(heard[1], Heard::Answers(_)), "{heard:?}");
    assert_eq!(heard[2], lost(&["BTC-USD"]));

    let (mut parser, mut out) = (parser(), Batch::new());
    assert!(parser.frame(snapshot(0, "BTC-USD").as_bytes(), Ts(1), &mut out).is_ok());
    assert!(parser.frame(b"{", Ts(1), &mut out).is_err(), "its number is not known");
    let (heard, batch) = run(&mut parser, &[message(2, "heartbeats", "[]")]);
    assert_eq!((heard, states(&batch)), (vec![lost(&["BTC-USD"])], vec![STALE]));
}

#[test]
fn a_product_whose_first_snapshot_was_in_the_hole_is_asked_for_once() {
    let (heard, batch) = run(
        &mut parser(),
        &[
            ticker(0).replace("BTC", "ETH"),
            ticker(2).replace("BTC", "ETH"),
            update(3, "bid 1 1"),
            update(4, "bid 1 1"),
        ],
    );
    assert_eq!(
        heard,
        [Heard::Data, lost(&["ETH-USD"]), lost(&["BTC-USD"]), Heard::Data]
    );
    assert_eq!(states(&batch), []);
}

#[test]
fn repeated_and_older_messages_are_dropped_and_counted() {
    let mut parser = parser();
    let frames = [
        snapshot(3, "BTC-USD"),
        update(4, "bid 10 5"),
        update(4, "bid 10 6"),
        update(2, "bid 10 7"),
        update(5, "bid 10 8"),
    ];
    let (_, batch) = run(&mut parser, &frames);
    assert_eq!(
        told(&batch)[2..],
        ["bid_price=10 bid_size=5", "bid_price=10 bid_size=8"]
    );
    assert_eq!((parser.counts().stale, parser.counts().gaps), (2, 0));
}

#[test]
fn the_next_connection_in_a_recording_begins_anew() {
    let next = snapshot(0, "BTC-USD").replace("21:05:48.5Z", "21:06:48.5Z");
    let frames = [
        snapshot(0, "BTC-USD"),
        update(1, "bid 10 5"),
        snapshot(0, "BTC-USD"),
        next,
        update(1, "bid 10 6"),
    ];
    let mut parser = parser();
    let (_, batch) = run(&mut parser, &frames);
    assert_eq!(states(&batch), [LIVE, STALE, LIVE]);
    assert_eq!(told(&batch).last().map(String::as_str), Some("bid_price=10 bid_size=6"));
    assert_eq!((parser.counts().stale, parser.counts().gaps), (1, 1));
}

#[test]
fn a_crossed_book_is_lost_and_others_are_not() {
    let mut parser = parser();
    let frames = [
        snapshot(0, "BTC-USD"),
        snapshot(1, "ETH-USD"),
        update(2, "bid 11 1"),
        update(3, "bid 10 9"),
        snapshot(4, "BTC-USD"),
    ];
    let (heard, batch) = run(&mut parser, &frames);
    assert_eq!(heard[2], lost(&["BTC-USD"]));
    assert_eq!(told(&batch)[4], "BTC-USD stale");
    assert_eq!(states(&batch), [LIVE, LIVE, STALE, LIVE]);
    assert_eq!((parser.counts().gaps, parser.counts().updates), (1, 3));
    // Both sides of a change in one message: crossed only in between.
    let (heard, batch) = run(
        &mut parser,
        &[book(5, "update", "BTC-USD", &["bid 11 1", "offer 11 0"])],
    );
    assert_eq!(
        (heard, told(&batch)),
        (
            vec![Heard::Data],
            vec!["bid_price=11 bid_size=1 ask_price=12 ask_size=4".into()]
        )
    );
}

#[test]
fn a_book_message_that_cannot_be_read_loses_its_book_and_a_snapshot_is_not_asked_for_again() {
    for (level, is_asked) in [
        ("bid x 1", true),
        ("bid 1 -", true),
        ("bid 1 99999999999999999999.1", true),
    ] {
        let (mut parser, mut out) = (parser(), Batch::new());
        run(&mut parser, &[snapshot(0, "BTC-USD"), snapshot(1, "ETH-USD")]);
        assert!(
            parser.frame(update(2, level).as_bytes(), Ts(1), &mut out).is_err(),
            "{level}"
        );
        assert_eq!(states(&out), [STALE], "{level}");
        let (heard, _) = run(&mut parser, &[message(3, "heartbeats", "[]")]);
        assert_eq!(heard == [lost(&["BTC-USD"])], is_asked, "{level}");
    }
    // Not even whose it was can be read.
    let (mut parser, mut out) = (parser(), Batch::new());
    run(&mut parser, &[snapshot(0, "BTC-USD"), snapshot(1, "ETH-USD")]);
    assert!(parser.frame(update(2, "ask 1 1").as_bytes(), Ts(1), &mut out).is_err());
    assert_eq!(states(&out), [STALE, STALE]);

    let (mut parser, mut out) = (self::parser(), Batch::new());
    let frame = snapshot(0, "BTC-USD").replace("\"9\"", "\"nine\"");
    assert!(parser.frame(frame.as_bytes(), Ts(1), &mut out).is_err());
    let (heard, _) = run(&mut parser, &[message(1, "heartbeats", "[]"), update(2, "bid 1 1")]);
    assert_eq!((out, heard), (Batch::new(), vec![Heard::Idle, Heard::Data]));
}
