//! Any order of keys, any damage, any loss.

use proptest::prelude::*;

use super::*;

#[test]
fn the_order_of_keys_and_white_space_do_not_matter() {
    for frame in samples() {
        let json: Json = serde_json::from_str(&frame).expect("JSON");
        let want = run(&mut parser(), std::slice::from_ref(&frame));
        assert_eq!(run(&mut parser(), &[json.to_string()]), want, "{frame}");
        assert_eq!(run(&mut parser(), &[turned(&json)]), want, "{frame}");
    }
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
    fn a_damaged_message_gives_an_outcome_and_says_nothing_if_malformed(
        which in 0usize..6, at in any::<prop::sample::Index>(), byte in any::<u8>(), cut in any::<bool>(),
    ) {
        let mut frame = samples()[which].clone().into_bytes();
        let at = at.index(frame.len());
        if cut { frame.truncate(at); } else { frame[at] = byte; }
        let (mut parser, mut out) = (parser(), Batch::new());
        let outcome = parser.frame(&frame, Ts(1), &mut out);
        let counts = parser.counts();
        prop_assert_eq!(outcome.is_err(), counts.malformed == 1);
        prop_assert!(counts.malformed == 0 || out.is_empty());
        prop_assert_eq!(counts.updates, updates(&out).len() as u64);
    }

    #[test]
    fn whatever_is_lost_repeated_or_reordered_a_live_quote_is_the_venues(
        order in prop::collection::vec(0usize..3, 20..60), levels in prop::collection::vec((any::<bool>(), 0i64..5, 0i64..3), 60),
    ) {
        let mut venue: [BTreeMap<i64, i64>; 2] = [BTreeMap::from([(10, 1)]), BTreeMap::from([(20, 1)])];
        let (mut parser, mut out, mut is_live) = (parser(), Batch::new(), false);
        let mut shown: BTreeMap<Field, Value> = BTreeMap::new();
        let mut resync = true;
        let (mut number, mut older) = (0, String::new());
        for (fate, (is_bid, price, size)) in order.into_iter().zip(levels) {
            let frame = if resync {
                let side = |at: usize, name: &str| venue[at].iter().map(|(p, s)| format!("{name} {p} {s}")).collect::<Vec<_>>();
                let all = [side(0, "bid"), side(1, "offer")].concat();
                book(number, "snapshot", "BTC-USD", &all.iter().map(String::as_str).collect::<Vec<_>>())
            } else {
                // Never the anchors at 10 and 20, so that no side is empty.
                let (at, name, price) = if is_bid { (0, "bid", price + 11) } else { (1, "offer", price + 15) };
                let (at, name, price) = if price == 15 { (1, "offer", 16) } else { (at, name, price) };
                if size == 0 { venue[at].remove(&price); } else { venue[at].insert(price, size); }
                update(number, &format!("{name} {price} {size}"))
            };
            number += 1;
            // 0 and 1 arrive, 1 with an older one after it; 2 is lost, but a hole before anything came is none.
            if fate == 2 && number > 1 { continue; }
            resync = false;
            let both = [frame.clone(), std::mem::replace(&mut older, frame)];
            for frame in both.iter().take(if fate == 1 && !both[1].is_empty() { 2 } else { 1 }) {
                out.clear();
                if let Heard::Lost(names) = parser.frame(frame.as_bytes(), Ts(1), &mut out).expect("well formed") {
                    prop_assert_eq!(names.len(), 1);
                    resync = true;
                }
                for event in &out {
                    match event {
                        Event::Update(u) => shown.extend(u.fields.iter()),
                        Event::State { state, .. } => is_live = *state == TickerState::Live,
                        _ => {}
                    }
                }
            }
            if is_live {
                let best = |level: Option<(&i64, &i64)>| level.map(|(p, s)| [*p, *s].map(|n| Value::Set(Decimal::from_int(n))));
                let now = |price, size| Some([shown[&price], shown[&size]]);
                prop_assert_eq!(now(Field::BidPrice, Field::BidSize), best(venue[0].last_key_value()));
                prop_assert_eq!(now(Field::AskPrice, Field::AskSize), best(venue[1].first_key_value()));
            }
        }
    }
}
