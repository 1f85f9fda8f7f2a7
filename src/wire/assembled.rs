//! The hot path's bytes are the cold path's: frames assembled from chunks are exactly what encoding the
//! whole message gives, in every encoding.

use proptest::prelude::*;

use super::*;
use crate::market::arbitrary::event as any_event;
use crate::market::{Decimal, Event, Field, Fields, Symbol, Ts, Update};
use crate::store::{Epoch, Seq, Table, Writer};

const TS: Ts = Ts(1_700_000_000_123_456_789);

fn event() -> impl Strategy<Value = Event> {
    let symbols = ["a:B", "v1:BTC/USD", "n:É\"\\", "x-1:S0001"].map(|text| Symbol::parse(text).expect(text));
    any_event(symbols.to_vec(), TS.0 / 1_000 - 5_000_000..TS.0 / 1_000 + 5_000_000)
}

/// Decodes, encodes again by the cold path, and compares.
fn check(encoding: Encoding, bytes: &[u8], table: &Table) -> proto::ServerMessage {
    let limits = DecodeLimits::default();
    let message = decode_server(encoding, encoding == Encoding::Json, bytes, &limits).expect("our own bytes");
    let decimals = |id| table.listing(crate::market::InstrumentId(id)).map(|l| l.decimals);
    assert_eq!(encode_server(encoding, &message, &decimals), bytes, "{encoding}");
    message
}

fn all_picks(chunks: &Chunks) -> Vec<u32> {
    (0..chunks.len() as u32).collect()
}

proptest! {
    #[test]
    fn assembled_frames_equal_encoded_messages(
        beats in prop::collection::vec(prop::collection::vec(event(), 1..8), 1..8),
        since in 0u64..8,
        skipped in 0u32..3,
    ) {
        let (mut writer, mut table) = (Writer::new(10), Table::new());
        let mut frame = FrameBuf::new();
        for events in beats {
            events.iter().for_each(|e| writer.apply(e, TS));
            let Some(beat) = writer.seal(TS) else { continue };
            table.apply(&beat);
            let head = DeltaHead { seq: beat.seq, prev_seq: Seq(since.min(beat.seq.0 - 1)), ts: TS, skipped };
            let decoded = Encoding::ALL.map(|encoding| {
                let mut chunks = Chunks::new(encoding);
                beat.changes.iter().for_each(|c| chunks.push(&writer.entry(c), TS));
                beat.venues.iter().for_each(|v| chunks.push_venue(v, true));
                frame.delta(&head, &chunks, &all_picks(&chunks), skipped == 1);
                check(encoding, frame.as_bytes(), &table)
            });
            prop_assert_eq!(&decoded[0], &decoded[1]);
            prop_assert_eq!(&decoded[0], &decoded[2]);
        }
        let since = Seq(since.min(table.seq().0));
        let head = SnapshotHead {
            epoch: Epoch::new(77).expect("an epoch"),
            seq: table.seq(),
            ts: TS,
            request_id: u64::from(skipped),
            resumed: since > Seq::ZERO,
        };
        let refused = Refused { symbol: "x\"".to_owned(), code: proto::ErrorCode::InvalidSymbol, message: "no".to_owned() };
        let tail = SnapshotTail { pending: vec!["a:b".to_owned(); skipped as usize], rejected: vec![refused; 1] };
        let decoded = Encoding::ALL.map(|encoding| {
            let mut chunks = Chunks::new(encoding);
            for at in 0..table.len() {
                if let Some(entry) = table.changes_since(crate::market::InstrumentId::from_index(at), since) {
                    chunks.push(&entry, TS);
                }
            }
            let news = table.venues().enumerate().filter(|(at, _)| table.is_venue_news(*at, since));
            news.for_each(|(_, venue)| chunks.push_venue(venue, true));
            let picks = all_picks(&chunks);
            frame.snapshot(&head, &chunks, &picks, (skipped > 0).then_some(&tail));
            assert!(frame.as_bytes().len() <= FRAME_BYTES_MIN - room(FRAME_BYTES_MIN) + chunks.cost() + tail.cost(encoding));
            check(encoding, frame.as_bytes(), &table)
        });
        prop_assert_eq!(&decoded[0], &decoded[1]);
        prop_assert_eq!(&decoded[0], &decoded[2]);
        let beats = Encoding::ALL.map(|encoding| {
            frame.heartbeat(encoding, Seq(5), TS, since);
            check(encoding, frame.as_bytes(), &table)
        });
        prop_assert_eq!(&beats[0], &beats[1]);
        prop_assert_eq!(&beats[0], &beats[2]);
    }

    #[test]
    fn parts_stay_within_the_bound_and_lose_nothing(count in 1usize..400, max in FRAME_BYTES_MIN..9_000) {
        let mut writer = Writer::new(1_000);
        for n in 0..count {
            let symbol = Symbol::parse(&format!("v:{n}-{}", "N".repeat(n % 50))).expect("a symbol");
            let mut fields = Fields::new();
            fields.set(Field::BidPrice, Decimal::from_int(n as i64 * 1_000));
            writer.apply(&Event::Update(Update { symbol, fields, ts_event: None, ts_recv: TS }), TS);
        }
        let beat = writer.seal(TS).expect("a beat");
        let head = DeltaHead { seq: beat.seq, prev_seq: Seq::ZERO, ts: TS, skipped: 0 };
        for encoding in Encoding::ALL {
            let mut chunks = Chunks::new(encoding);
            beat.changes.iter().for_each(|c| chunks.push(&writer.entry(c), TS));
            let picks = all_picks(&chunks);
            let (mut left, mut seen) = (&picks[..], 0);
            let mut frame = FrameBuf::new();
            while !left.is_empty() {
                let (here, later) = left.split_at(picks_that_fit(&chunks, left, max));
                frame.delta(&head, &chunks, here, !later.is_empty());
                prop_assert!(frame.as_bytes().len() <= max);
                let limits = DecodeLimits::default();
                let message = decode_server(encoding, encoding == Encoding::Json, frame.as_bytes(), &limits).expect("ours");
                if let Some(proto::server_message::Body::Delta(delta)) = message.body {
                    prop_assert_eq!(delta.instruments.len(), delta.tickers.len());
                    seen += delta.tickers.len();
                }
                left = later;
            }
            prop_assert_eq!(seen, count);
        }
    }
}
