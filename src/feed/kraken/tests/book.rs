//! Books: what is told of them, and that a wrong one is found, told once and mended.

use super::naive::{Naive, frame};
use super::*;

const BIDS: &[(&str, &str)] = &[("99.9", "1.00000000"), ("99.8", "0.00005100")];
const ASKS: &[(&str, &str)] = &[("100.0", "2.50000000"), ("100.1", "3.00000000")];

/// A parser and the venue's book after its snapshot.
fn begun() -> (Parser, Naive) {
    let (mut parser, mut naive) = (asked(&[NAME]), Naive::new(10));
    events(&mut parser, &[naive.frame("snapshot", BIDS, ASKS)]);
    (parser, naive)
}

#[test]
fn a_snapshot_gives_both_sides_and_makes_the_instrument_live() {
    let mut parser = asked(&[NAME]);
    let batch = events(&mut parser, &[Naive::new(10).frame("snapshot", BIDS, ASKS)]);
    assert_eq!(words(&batch), ["update", "live"]);
    let update = updates(&batch)[0];
    assert_eq!(update.symbol.as_str(), "kraken:BTC/USD");
    assert_eq!(update.ts_event, Some(Ts(1_785_641_751_302_928_000)));
    assert_eq!(named(update), ["bid_price", "bid_size", "ask_price", "ask_size"]);
    assert_eq!(value(update, Field::BidPrice).as_deref(), Some("99.9"));
    assert_eq!(value(update, Field::AskSize).as_deref(), Some("2.5"));
    let again = events(&mut parser, &[Naive::new(10).frame("snapshot", BIDS, ASKS)]);
    assert_eq!(words(&again), [""; 0], "nothing changed and it was live");
}

#[test]
fn only_the_side_whose_best_level_changed_is_told() {
    let (mut parser, mut naive) = begun();
    for (bids, asks, want) in [
        (&[("99.9", "1.50000000")][..], &[][..], &["bid_price", "bid_size"][..]),
        (&[("99.8", "0.00000000")], &[("100.1", "1.00000000")], &[]),
        (&[], &[("100.0", "0.00000000")], &["ask_price", "ask_size"]),
        (&[("99.9", "0.00000000")], &[], &["bid_price", "bid_size"]),
        (&[], &[("100.1", "1.00000000")], &[]),
    ] {
        let batch = events(&mut parser, &[naive.frame("update", bids, asks)]);
        let told: Vec<_> = updates(&batch).into_iter().flat_map(named).collect();
        assert_eq!(told, want, "{bids:?} {asks:?}");
    }
    let counts = parser.counts();
    assert_eq!((counts.updates, counts.passed_over, counts.checksums), (4, 2, 0));
}

#[test]
fn an_emptied_side_has_no_value() {
    let (mut parser, mut naive) = begun();
    let gone = [("99.9", "0"), ("99.8", "0.00000000")];
    let batch = events(&mut parser, &[naive.frame("update", &gone, &[])]);
    assert_eq!(updates(&batch)[0].fields.get(Field::BidPrice), Some(Value::Cleared));
    assert_eq!(updates(&batch)[0].fields.get(Field::BidSize), Some(Value::Cleared));
}

#[test]
fn a_book_is_cut_to_the_acknowledged_depth_after_each_update() {
    for depth in [10, 25] {
        let ack = format!(
            r#"{{"method":"subscribe","result":{{"channel":"book","depth":{depth},"snapshot":true,"symbol":"{NAME}"}},"success":true}}"#
        );
        let (mut parser, mut naive) = (parser(), Naive::new(depth));
        let prices: Vec<String> = (0..depth).map(|n| format!("{}.0", 200 + n)).collect();
        let asks: Vec<_> = prices.iter().map(|price| (price.as_str(), "1.0")).collect();
        events(&mut parser, &[ack, naive.frame("snapshot", &[("99.0", "1.0")], &asks)]);
        // One more pushes the worst out; where it goes again, the venue does not say the worst anew.
        for size in ["1.0", "0.0"] {
            events(&mut parser, &[naive.frame("update", &[], &[("199.0", size)])]);
        }
        assert_eq!(naive.asks.len(), depth - 1);
        while let Some((best, _)) = naive.asks.first().cloned() {
            let batch = events(&mut parser, &[naive.frame("update", &[], &[(&best, "0.0")])]);
            assert_eq!(words(&batch), ["update"], "depth {depth}: the next one is the best");
        }
        assert_eq!(parser.counts().checksums, 0, "depth {depth}");
    }
}

#[test]
fn a_wrong_level_is_found_told_once_and_mended_by_a_snapshot() {
    let (mut parser, mut naive) = begun();
    let mut out = Batch::new();
    let lost = Heard::Lost(vec![NAME.into()]);
    let good = naive.frame("update", &[("99.9", "1.50000000")], &[]);
    let bad = good.replace("1.50000000", "1.50000001");
    assert_eq!(heard(&mut parser, &bad, &mut out), lost);
    assert_eq!(words(&out), ["stale checksum"], "nothing of the wrong level is told");
    for _ in 0..3 {
        let next = naive.frame("update", &[], &[("100.0", "7.00000000")]);
        assert_eq!(heard(&mut parser, &next, &mut out), Heard::Data);
    }
    assert_eq!(out.len(), 1, "passed over until the snapshot");
    let snapshot = naive.snapshot();
    assert_eq!(
        heard(&mut parser, &snapshot.replace("99.8,", "99.7,"), &mut out),
        lost,
        "asked for again"
    );
    assert_eq!(out.len(), 1, "told once");
    assert_eq!(heard(&mut parser, &snapshot, &mut out), Heard::Data);
    assert_eq!(words(&out), ["stale checksum", "update", "live"]);
    assert_eq!(newest(&out, Field::BidSize).as_deref(), Some("1.5"));
    assert_eq!(newest(&out, Field::AskSize).as_deref(), Some("7"));
    let counts = parser.counts();
    assert_eq!((counts.checksums, counts.passed_over, counts.updates), (2, 3, 2));
    let next = naive.frame("update", &[("99.9", "0.00000000")], &[]);
    assert_eq!(words(&events(&mut parser, &[next])), ["update"], "and on it goes");
}

#[test]
fn a_healthy_neighbour_of_a_broken_book_misses_nothing() {
    let (mut parser, mut naive) = (asked(&[NAME, "ETH/USD"]), Naive::new(10));
    let snapshot = naive.frame("snapshot", BIDS, ASKS);
    events(&mut parser, &[snapshot.clone(), snapshot.replace(NAME, "ETH/USD")]);
    let update = naive.frame("update", &[("99.9", "4.00000000")], &[]);
    let (start, end) = update.split_once("[{").expect("an element");
    let element = end.strip_suffix("]}").expect("an end");
    let wrong = element.replace("4.00000000", "5.00000000");
    let both = format!("{start}[{{{wrong},{{{}]}}", element.replace(NAME, "ETH/USD"));
    let mut out = Batch::new();
    assert_eq!(heard(&mut parser, &both, &mut out), Heard::Lost(vec![NAME.into()]));
    assert_eq!(words(&out), ["stale checksum", "update"]);
    assert_eq!(updates(&out)[0].symbol.as_str(), "kraken:ETH/USD");
}

#[test]
fn updates_before_any_snapshot_are_passed_over() {
    let mut parser = asked(&[NAME]);
    let frames = [frame("update", BIDS, ASKS, 1), frame("update", &[], &[], 0)];
    assert_eq!(words(&events(&mut parser, &frames)), [""; 0]);
    assert_eq!((parser.counts().passed_over, parser.counts().checksums), (2, 0));
}

#[test]
fn another_precision_holds_from_its_first_message_on() {
    let reference = |price: u8| {
        format!(
            r#"{{"channel":"instrument","type":"update","data":{{"assets":[],"pairs":[{{"symbol":"{NAME}","status":"online","price_precision":{price},"qty_precision":8}}]}}}}"#
        )
    };
    // Whether the reference data or the first text at the new precision come first.
    for is_reference_first in [true, false] {
        let (mut parser, _) = begun();
        events(&mut parser, &[reference(1)]);
        let mut naive = Naive::new(10);
        let longer = |levels: &[(&'static str, &'static str)]| -> Vec<(String, &'static str)> {
            levels
                .iter()
                .map(|(price, size)| (format!("{price}0"), *size))
                .collect()
        };
        let (bids, asks) = (longer(BIDS), longer(ASKS));
        let bids: Vec<_> = bids.iter().map(|(price, size)| (price.as_str(), *size)).collect();
        let asks: Vec<_> = asks.iter().map(|(price, size)| (price.as_str(), *size)).collect();
        naive.frame("snapshot", &bids, &asks);
        let update = naive.frame("update", &[("99.95", "1.00000000")], &[]);
        let frames = if is_reference_first {
            [reference(2), update]
        } else {
            [update, reference(2)]
        };
        let batch = events(&mut parser, &frames);
        let want = if is_reference_first {
            ["listed 2 8", "update"]
        } else {
            ["update", "listed 2 8"]
        };
        assert_eq!(words(&batch), want);
        let next = naive.frame("update", &[], &[("99.99", "1.00000000")]);
        assert_eq!(words(&events(&mut parser, &[next])), ["update"]);
        assert_eq!(parser.counts().checksums, 0);
        // Back to fewer decimals than the book has: only a new snapshot can be right.
        let mut out = Batch::new();
        heard(&mut parser, &reference(1), &mut out);
        let coarse = frame("update", &[("99.8", "1.00000000")], &[], 5);
        assert_eq!(heard(&mut parser, &coarse, &mut out), Heard::Lost(vec![NAME.into()]));
        heard(&mut parser, &Naive::new(10).frame("snapshot", BIDS, ASKS), &mut out);
        assert_eq!(words(&out), ["listed 1 8", "stale checksum", "update", "live"]);
    }
}

#[test]
fn numbers_with_exponents_are_the_numbers_they_mean() {
    let (mut parser, mut naive) = begun();
    let plain = naive.frame("update", &[("99.9", "0.00000010")], &[("100.0", "15000.00000000")]);
    let written = plain.replace("0.00000010", "1e-7").replace("15000.00000000", "1.5E+4");
    assert_ne!(plain, written);
    // The texts say eight decimals before; in them alone the checksum could not be known.
    let batch = events(&mut parser, &[written]);
    assert_eq!(newest(&batch, Field::BidSize).as_deref(), Some("0.0000001"));
    assert_eq!(newest(&batch, Field::AskSize).as_deref(), Some("15000"));
}

#[test]
fn a_level_that_cannot_be_held_breaks_the_book_and_nothing_else() {
    for number in ["99999999999999999999", "1e-30"] {
        let (mut parser, mut naive) = begun();
        let update = naive
            .frame("update", &[("99.9", "4.00000000")], &[])
            .replace("4.00000000", number);
        let mut out = Batch::new();
        assert_eq!(heard(&mut parser, &update, &mut out), Heard::Lost(vec![NAME.into()]));
        assert_eq!(words(&out), ["stale checksum"], "{number}");
    }
}
