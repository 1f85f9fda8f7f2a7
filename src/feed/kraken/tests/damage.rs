//! Whatever comes gives an outcome, and a snapshot mends whatever came before it.

use proptest::prelude::*;

use super::channels::{reference, system, trade};
use super::naive::Naive;
use super::*;

const ACK: &str = r#"{"method":"subscribe","result":{"channel":"book","depth":10,"snapshot":true,"symbol":"BTC/USD"},"success":true,"time_in":"2026-08-01T02:53:53.184174Z"}"#;
const TICKER: &str = r#"{"channel":"ticker","type":"update","data":[{"symbol":"BTC/USD","bid":598.43,"bid_qty":0.83551,"ask":600.08,"ask_qty":8.20024,"last":600.21,"volume":485.14555,"vwap":602.41,"low":597.39,"high":608.89,"change":-1.37,"change_pct":-0.23}]}"#;
/// As recorded on 1 August 2026.
const SNAPSHOT: &str = r#"{"channel":"book","type":"snapshot","data":[{"symbol":"BTC/USD","bids":[{"price":63004.9,"qty":0.01876947},{"price":63003.3,"qty":0.00005100},{"price":63002.6,"qty":0.01602600},{"price":63000.2,"qty":0.00005100},{"price":63000.0,"qty":0.08325683},{"price":62997.0,"qty":0.09705100},{"price":62993.9,"qty":0.00005100},{"price":62991.8,"qty":0.00158700},{"price":62991.6,"qty":0.11000000},{"price":62988.9,"qty":0.10000000}],"asks":[{"price":63005.0,"qty":2.07265551},{"price":63005.1,"qty":0.55006860},{"price":63005.2,"qty":0.79358539},{"price":63005.8,"qty":0.01537966},{"price":63005.9,"qty":0.11835139},{"price":63006.0,"qty":0.04761452},{"price":63006.3,"qty":0.23809955},{"price":63006.5,"qty":0.79356896},{"price":63007.3,"qty":0.06000000},{"price":63008.4,"qty":0.00057100}],"checksum":2531248887,"timestamp":"2026-08-01T02:53:53.398143Z"}]}"#;
const UPDATE: &str = r#"{"channel":"book","type":"update","data":[{"symbol":"BTC/USD","bids":[],"asks":[{"price":63005.0,"qty":2.08665551}],"checksum":2532652056,"timestamp":"2026-08-01T02:53:53.646219Z"}]}"#;

fn messages() -> Vec<String> {
    let plain = [ACK, TICKER, SNAPSHOT, UPDATE].map(str::to_owned);
    let made = [trade(7, "5.5"), reference("online"), system("online")];
    plain.into_iter().chain(made).collect()
}

/// The sum of all that a part of a message can come to.
fn outcomes(parser: &Parser) -> u64 {
    let c = parser.counts();
    c.updates + c.passed_over + c.stale + c.malformed + c.checksums
}

#[test]
fn the_recorded_snapshot_and_update_hold() {
    let mut parser = parser();
    assert_eq!(
        words(&events(&mut parser, &[ACK, SNAPSHOT, UPDATE])),
        ["update", "live", "update"]
    );
}

proptest! {
    #[test]
    fn any_bytes_give_an_outcome(frames in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..200), 1..5)) {
        let (mut parser, mut out) = (parser(), Batch::new());
        for frame in &frames {
            let _ = parser.frame(frame, Ts(1), &mut out);
        }
        prop_assert_eq!(parser.counts().frames, frames.len() as u64);
    }

    #[test]
    fn a_damaged_message_is_counted_once_and_a_snapshot_mends_what_it_broke(
        damage in prop::collection::vec((0usize..7, any::<prop::sample::Index>(), any::<u8>(), any::<bool>()), 1..6)
    ) {
        let (mut parser, messages) = (asked(&[NAME]), messages());
        events(&mut parser, &[SNAPSHOT]);
        for (which, at, byte, cut) in damage {
            let mut frame = messages[which].clone().into_bytes();
            let at = at.index(frame.len());
            if cut { frame.truncate(at); } else { frame[at] = byte; }
            let (before, mut out) = (outcomes(&parser), Batch::new());
            let outcome = parser.frame(&frame, Ts(1), &mut out);
            prop_assert_eq!(outcomes(&parser) - before, 1);
            prop_assert!(outcome.is_ok() || out.is_empty());
        }
        // The depth may have been damaged, and an instrument's precision; both are said anew with a subscription.
        events(&mut parser, &[reference("online").as_str(), ACK, SNAPSHOT]);
        let batch = events(&mut parser, &[UPDATE]);
        prop_assert_eq!(words(&batch), ["update"]);
        prop_assert_eq!(newest(&batch, Field::AskSize), Some("2.08665551".to_owned()));
    }

    #[test]
    fn the_order_of_keys_means_nothing(
        outer in Just(vec![0usize, 1, 2]).prop_shuffle(),
        inner in Just(vec![0usize, 1, 2, 3, 4]).prop_shuffle(),
        is_price_first in any::<bool>(),
    ) {
        let level = |price: &str, qty: &str| match is_price_first {
            true => format!(r#"{{"price":{price},"qty":{qty}}}"#),
            false => format!(r#"{{ "qty" : {qty} , "price" : {price} }}"#),
        };
        let mut naive = Naive::new(10);
        naive.frame("snapshot", &[("1.5", "2.0")], &[("1.6", "3.0")]);
        let inner_parts = [
            r#""symbol":"BTC\/USD""#.to_owned(),
            format!(r#""bids":[{}]"#, level("1.5", "2.0")),
            format!(r#""asks":[{}]"#, level("1.6", "3.0")),
            format!(r#""checksum":{}"#, naive.checksum()),
            r#""new":{"x":[1]}"#.to_owned(),
        ];
        let data: Vec<_> = inner.iter().map(|at| inner_parts[*at].as_str()).collect();
        let outer_parts = [
            r#""channel":"book""#.to_owned(),
            r#""type":"snapshot""#.to_owned(),
            format!(r#""data":[{{{}}}]"#, data.join(",")),
        ];
        let frame: Vec<_> = outer.iter().map(|at| outer_parts[*at].as_str()).collect();
        let batch = events(&mut parser(), &[format!("{{{}}}", frame.join(" , "))]);
        prop_assert_eq!(words(&batch), ["update", "live"]);
        prop_assert_eq!(newest(&batch, Field::AskPrice), Some("1.6".to_owned()));
    }

    /// Any run of levels, checked by the venue's checksum of another book.
    #[test]
    fn any_book_stays_the_venues(
        runs in prop::collection::vec(prop::collection::vec((any::<bool>(), 0u32..40, 0u32..5), 0..6), 1..60)
    ) {
        let (mut parser, mut naive) = (asked(&[NAME]), Naive::new(10));
        events(&mut parser, &[ACK.to_owned(), naive.frame("snapshot", &[], &[])]);
        for run in runs {
            let side = |is_bid: bool| -> Vec<(String, String)> {
                let levels = run.iter().filter(|level| level.0 == is_bid);
                let (base, text) = (if is_bid { 40 } else { 80 }, |n: u32| format!("{}.{}", n / 10, n % 10));
                levels.map(|(_, price, size)| (text(base + price), format!("0.{size:03}"))).collect()
            };
            let (bids, asks) = (side(true), side(false));
            let bids: Vec<_> = bids.iter().map(|(p, s)| (p.as_str(), s.as_str())).collect();
            let asks: Vec<_> = asks.iter().map(|(p, s)| (p.as_str(), s.as_str())).collect();
            events(&mut parser, &[reference("online").replace(r#""qty_precision":8"#, r#""qty_precision":3"#)]);
            events(&mut parser, &[naive.frame("update", &bids, &asks)]);
        }
        prop_assert_eq!(parser.counts().checksums, 0);
    }
}
