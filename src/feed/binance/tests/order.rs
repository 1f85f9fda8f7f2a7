//! Numbering, breaks and what is said of an instrument's state.

use super::super::super::parse::Counts;
use super::*;

#[test]
fn older_messages_are_dropped_and_counted() {
    let older_ticker = TICKER.replace("1711123991960", "1711123991959");
    let (book_again, usdm_again) = (book(6), USDM_BOOK.replace("\"u\":7", "\"u\":6"));
    for (first, second) in [
        (BOOK, BOOK),
        (BOOK, book_again.as_str()),
        (USDM_BOOK, &usdm_again),
        (&trade(5, "1"), &trade(5, "1")),
        (&trade(5, "1"), &trade(4, "1")),
        (&agg_trade(5, "1"), &agg_trade(5, "1")),
        (TICKER, TICKER),
        (TICKER, &older_ticker),
        (MINI, MINI),
        (MINI, TICKER),
    ] {
        let mut parser = parser();
        let batch = events(&mut parser, &[first, second]);
        assert_eq!(updates(&batch).len(), 1, "{second}");
        assert_eq!((parser.counts().stale, parser.counts().updates), (1, 1), "{second}");
    }
}

#[test]
fn both_day_tickers_of_one_moment_are_taken() {
    let same = MINI.replace("1711123991961", "1711123991960");
    assert_eq!(updates(&events(&mut parser(), &[TICKER, &same])).len(), 2);
    assert_eq!(updates(&events(&mut parser(), &[&same, TICKER])).len(), 2);
}

#[test]
fn a_hole_in_the_trades_is_said_around_the_trade_that_shows_it() {
    for make in [trade as fn(u64, &str) -> String, agg_trade] {
        let mut parser = parser();
        let batch = events(&mut parser, &[&make(5, "1"), &make(8, "2"), &make(9, "3")]);
        let want = [None, Some(LIVE), Some(GAP), None, Some(LIVE), None];
        assert_eq!(states(&batch), want);
        assert_eq!((parser.counts().gaps, parser.counts().updates), (1, 3));
    }
}

#[test]
fn a_break_that_a_number_without_a_trade_shows_ends_with_the_next_trade() {
    let mut parser = parser();
    let frames = [
        executed(5, "MARKET"),
        executed(8, "NA"),
        USDM_BOOK.into(),
        executed(9, "MARKET"),
    ];
    let batch = events(&mut parser, &frames.each_ref().map(String::as_str));
    let want = [None, Some(LIVE), Some(GAP), None, None, Some(LIVE)];
    assert_eq!(states(&batch), want, "the quote between is no trade");
    assert_eq!((parser.counts().gaps, parser.counts().passed_over), (1, 1));
}

#[test]
fn an_instrument_is_live_once_with_its_first_data_of_a_connection() {
    for frame in [BOOK, USDM_BOOK, &trade(1, "5"), &agg_trade(1, "5"), TICKER, MINI] {
        let batch = events(&mut parser(), &[frame, &book(8), &trade(2, "6"), MINI]);
        let is_live = batch.iter().position(|e| matches!(e, Event::State { .. }));
        assert_eq!((is_live, states(&batch)[1]), (Some(1), Some(LIVE)), "{frame}");
        assert_eq!(states(&batch).iter().flatten().count(), 1, "{frame}");
    }
    let other = BOOK.replace("BTCUSDT", "ETHUSDT");
    let batch = events(&mut parser(), &[BOOK, &other]);
    assert_eq!(states(&batch), [None, Some(LIVE), None, Some(LIVE)], "each for itself");
}

#[test]
fn where_quotes_are_awaited_a_trade_alone_makes_nothing_live() {
    let awaiting = || parser().awaiting_quotes();
    let batch = events(
        &mut awaiting(),
        &[&trade(1, "5"), MINI, &trade(2, "5"), BOOK, &trade(3, "5")],
    );
    assert_eq!(states(&batch), [None, None, None, None, Some(LIVE), None]);
    let batch = events(&mut awaiting(), &[TICKER]);
    assert_eq!(states(&batch), [None, Some(LIVE)], "it gives bid and ask");
    let batch = events(&mut awaiting(), &[&trade(1, "5"), &trade(3, "5"), BOOK]);
    assert_eq!(states(&batch), [None, Some(GAP), None, None, Some(LIVE)]);
}

#[test]
fn depth_is_checked_by_the_numbering_of_its_market_and_gives_nothing() {
    let spot = |first: u64, last: u64| {
        format!(r#"{{"e":"depthUpdate","E":1,"s":"X","U":{first},"u":{last},"b":[["1","2"]],"a":[]}}"#)
    };
    let usdm = |previous: u64, last: u64| {
        format!(r#"{{"e":"depthUpdate","E":1,"T":1,"s":"X","U":{last},"u":{last},"pu":{previous},"b":[],"a":[]}}"#)
    };
    for frames in [
        [spot(1, 5), spot(6, 6), spot(6, 6), spot(8, 9), spot(10, 12)],
        [usdm(0, 5), usdm(5, 60), usdm(5, 60), usdm(80, 90), usdm(90, 100)],
    ] {
        let mut parser = parser();
        let batch = events(&mut parser, &frames.each_ref().map(String::as_str));
        let want = Counts {
            frames: 5,
            passed_over: 4,
            stale: 1,
            gaps: 1,
            ..Counts::default()
        };
        assert_eq!((batch.len(), parser.counts()), (0, want), "{}", frames[0]);
    }
}

#[test]
fn a_second_connection_sets_nothing_back() {
    let mut parser = parser();
    events(&mut parser, &[BOOK, &trade(5, "1"), TICKER]);
    let later = TICKER.replace("1711123991960", "1711123992960");
    let batch = events(&mut parser, &[BOOK, &trade(4, "9"), TICKER, &later, &book(6)]);
    assert_eq!(updates(&batch).len(), 1, "the later ticker alone");
    assert_eq!(
        named(updates(&batch)[0]),
        ["volume", "open", "high", "low", "trade_count"]
    );
    assert_eq!(parser.counts().stale, 4);
}
