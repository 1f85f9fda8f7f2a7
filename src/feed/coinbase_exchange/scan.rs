//! The short way of an `l2update` that is written exactly as the venue writes it, which nearly all frames are: the book
//! changes some thousand times for each trade. A frame with anything else in it goes the general way.

use std::borrow::Cow;

use super::super::parse::Scan;
use super::messages::{L2Update, LevelSide};

/// The changes of one book; `None` for all else, right or wrong.
pub(super) fn l2update(frame: &[u8]) -> Option<L2Update<'_>> {
    let mut scan = Scan::new(frame)?;
    scan.word(r#"{"type":"l2update","product_id":""#)?;
    let product_id = Cow::Borrowed(scan.text()?);
    scan.word(r#","changes":["#)?;
    let mut changes = Vec::with_capacity(1);
    if scan.word("]").is_none() {
        loop {
            scan.word(r#"[""#)?;
            let side = match scan.text()? {
                "buy" => LevelSide::Buy,
                "sell" => LevelSide::Sell,
                _ => return None,
            };
            scan.word(r#",""#)?;
            let price = scan.text()?;
            scan.word(r#",""#)?;
            changes.push((side, price, scan.text()?));
            scan.word("]")?;
            if scan.word("]").is_some() {
                break;
            }
            scan.word(",")?;
        }
    }
    scan.word(r#","time":""#)?;
    let time = Some(scan.text()?);
    scan.word("}")?;
    let update = L2Update {
        product_id,
        changes,
        time,
    };
    scan.is_done().then_some(update)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const UPDATE: &str = r#"{"type":"l2update","product_id":"SKL-BTC","changes":[["sell","0.00001306","660.5"],["buy","0.00001305","0"]],"time":"2021-04-17T16:43:37.075687Z"}"#;

    /// Whatever the short way takes, the general way takes as the same.
    fn both_say_the_same(frame: &[u8]) -> bool {
        l2update(frame).is_none_or(|short| {
            let long = serde_json::from_slice::<L2Update<'_>>(frame);
            long.is_ok_and(|long| format!("{long:?}") == format!("{short:?}"))
        })
    }

    #[test]
    fn what_the_venue_writes_goes_the_short_way_and_all_else_the_general_one() {
        let none = UPDATE.replace(r#"["sell","0.00001306","660.5"],["buy","0.00001305","0"]"#, "");
        for frame in [UPDATE, &none] {
            assert!(
                l2update(frame.as_bytes()).is_some() && both_say_the_same(frame.as_bytes()),
                "{frame}"
            );
        }
        for (part, other) in [
            ("l2update", "snapshot"),
            ("sell", "ask"),
            ("SKL-BTC", "SKL\\/BTC"),
            ("660.5\"", "660.5\",\"1\""),
            ("\"660.5\"", "660.5"),
            ("Z\"}", "Z\"} "),
            ("Z\"}", "Z\",\"more\":1}"),
            ("\"changes\"", " \"changes\""),
        ] {
            let frame = UPDATE.replace(part, other);
            assert!(l2update(frame.as_bytes()).is_none(), "{frame}");
        }
    }

    proptest! {
        #[test]
        fn whatever_the_short_way_takes_it_takes_as_the_general_way_does(
            changes in prop::collection::vec((any::<prop::sample::Index>(), prop::sample::select(&b"0123456789.,:{}[]\"e-\\ a"[..])), 1..4)
        ) {
            let mut frame = UPDATE.as_bytes().to_vec();
            changes.iter().for_each(|(at, byte)| { let at = at.index(frame.len()); frame[at] = *byte; });
            prop_assert!(both_say_the_same(&frame), "{}", String::from_utf8_lossy(&frame));
        }
    }
}
