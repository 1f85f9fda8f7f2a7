//! Real recordings.

use super::*;

#[test]
fn a_real_capture_is_understood_whole_and_its_quote_is_at_all_times_that_of_an_independent_book() {
    let Some(path) = captures::path(CAPTURE) else { return };
    let mut reader = CaptureReader::open(&path).expect("a capture");
    let (mut parser, mut all) = (parser(), Batch::new());
    let mut naive: BTreeMap<String, Naive> = BTreeMap::new();
    let mut shown: BTreeMap<String, BTreeMap<Field, i128>> = BTreeMap::new();
    let mut heard = Vec::new();
    while let Some(record) = reader.next_record().expect("no fault") {
        let mut out = Batch::new();
        heard.push(
            parser
                .frame(record.frame, record.ts_recv, &mut out)
                .expect("well formed"),
        );
        for update in updates(&out) {
            let fields = shown.entry(update.symbol.name().into()).or_default();
            for (field, value) in update.fields.iter() {
                let Value::Set(value) = value else {
                    panic!("{field:?} {value:?}")
                };
                fields.insert(field, scaled(&value.to_string()));
            }
        }
        let frame: Json = serde_json::from_slice(record.frame).expect("JSON");
        if frame["channel"] == "l2_data" {
            for event in frame["events"].as_array().expect("events") {
                let product = event["product_id"].as_str().expect("a product");
                let book = naive.entry(product.into()).or_default();
                apply(book, event);
                let quote =
                    [Field::BidPrice, Field::BidSize, Field::AskPrice, Field::AskSize].map(|f| shown[product][&f]);
                assert_eq!(quote, book.best(), "line {}", record.line);
            }
        }
        all.append(&mut out);
    }
    assert_eq!(naive.len(), 2);
    assert_eq!(states(&all), [LIVE, LIVE]);
    assert!(!heard.iter().any(|h| matches!(h, Heard::Lost(_))));
    assert_eq!(heard.iter().filter(|h| **h == Heard::Idle).count(), 14);
    assert_eq!(heard.iter().filter(|h| matches!(h, Heard::Answers(_))).count(), 5);
    let counts = parser.counts();
    assert_eq!(
        (counts.frames, counts.malformed, counts.stale, counts.gaps),
        (618, 0, 0, 0)
    );
    assert_eq!(counts.updates, updates(&all).len() as u64);
    assert_eq!(updates(&all).iter().filter(|u| u.fields.is_trade()).count(), 57);
}

#[test]
fn the_aggressor_is_who_took_from_the_side_of_the_book_that_was_hit() {
    let Some(path) = captures::path(CAPTURE) else { return };
    let mut reader = CaptureReader::open(&path).expect("a capture");
    let (mut parser, mut out) = (parser(), Batch::new());
    while let Some(record) = reader.next_record().expect("no fault") {
        parser
            .frame(record.frame, record.ts_recv, &mut out)
            .expect("well formed");
    }
    let set = |u: &Update, field| match u.fields.get(field) {
        Some(Value::Set(value)) => Some(value),
        _ => None,
    };
    let mut bids: BTreeMap<&str, Decimal> = BTreeMap::new();
    let (mut right, mut wrong) = (0, 0);
    for update in updates(&out) {
        if let Some(bid) = set(update, Field::BidPrice) {
            bids.insert(update.symbol.name(), bid);
        }
        if let (true, Some(price), Some(bid)) = (
            update.fields.is_trade(),
            set(update, Field::LastPrice),
            bids.get(update.symbol.name()),
        ) {
            let sold = price <= *bid;
            let says_sold = set(update, Field::LastSide) == Some(Decimal::from_int(2));
            *(if sold == says_sold { &mut right } else { &mut wrong }) += 1;
        }
    }
    // The channels are not in step, so a few trades meet a book that has moved on.
    assert!(right > 40 && wrong < 6, "{right} right, {wrong} wrong");
}

#[test]
fn every_real_sample_is_understood_or_passed_over_on_purpose_and_the_others_do_no_harm() {
    let Some(path) = captures::path("coinbase/payloads.jsonl") else {
        return;
    };
    let mut seen = 0;
    for line in std::fs::read_to_string(path).expect("a text").lines() {
        let sample: Json = serde_json::from_str(line).expect("JSON");
        let (mut parser, mut out) = (parser(), Batch::new());
        let raw = sample["raw"].as_str().expect("a frame");
        let outcome = parser.frame(raw.as_bytes(), Ts(1), &mut out);
        if sample["market"] != "advanced" {
            assert_eq!(out, [], "{raw}");
            continue;
        }
        seen += 1;
        assert!(outcome.is_ok(), "{raw}: {outcome:?}");
        let channel = sample["channel"].as_str().expect("a channel");
        let is_told =
            channel.starts_with("ticker") || channel.starts_with("market_trades") || channel == "l2_data:snapshot";
        assert_eq!(out.is_empty(), !is_told, "{raw}");
    }
    assert!(seen > 10, "{seen}");
}
