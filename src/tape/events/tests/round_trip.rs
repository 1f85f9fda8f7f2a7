//! What is written is read.

use super::*;
use crate::tape::bounds::{BLOCK_RECORDS_MAX, REASON_BYTES_MAX};

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn events_come_back_as_they_were(events in prop::collection::vec((any_event(), prop::bool::weighted(0.1)), 0..90)) {
        let folder = Folder::new();
        let path = folder.file("any.tape");
        let mut writer = small(&path, Rotation::default());
        for ((ts, event), is_flushed) in &events {
            writer.write(*ts, event).expect("written");
            if *is_flushed {
                writer.flush().expect("flushed");
            }
        }
        let written = writer.finish().expect("finished");
        let events: Vec<_> = events.into_iter().map(|(event, _)| event).collect();
        let updates = events.iter().filter(|(_, event)| matches!(event, Event::Update(_))).count() as u64;
        prop_assert_eq!((written.records, written.updates, written.gaps), (events.len() as u64, updates, 0));
        prop_assert_eq!(written.file_bytes, path.metadata().expect("a file").len());

        let mut reader = open(&path);
        prop_assert_eq!(reader.image(), &Image::default());
        prop_assert_eq!(reader.bytes(), written.file_bytes);
        let (records, error) = read(&mut reader);
        prop_assert!(error.is_none(), "{:?}", error);
        prop_assert!(reader.damages().is_empty());
        prop_assert_eq!(&records, &taped(&events));

        let info = reader.info();
        let times = events.iter().map(|(ts, _)| *ts);
        prop_assert_eq!(info.first, times.clone().next().unwrap_or_default());
        prop_assert_eq!(info.last, times.max().unwrap_or_default());
        prop_assert_eq!((info.records, info.updates, info.gaps), (written.records, updates, 0));
        let mut venues: Vec<&str> = records.iter().filter_map(Taped::venue).collect();
        venues.sort();
        venues.dedup();
        let mut named: Vec<&str> = info.venues.iter().map(VenueName::as_str).collect();
        named.sort();
        prop_assert_eq!(&named, &venues);
        prop_assert!(info.has_index);
        let blocks = blocks(&std::fs::read(&path).expect("the file"));
        prop_assert_eq!(info.blocks + 1, blocks.len() as u64);

        // Without its index the blocks say the same.
        let bytes = std::fs::read(&path).expect("the file");
        let at = blocks[blocks.len() - 1].0;
        let bare = folder.file("bare.tape");
        std::fs::write(&bare, &bytes[..at]).expect("written");
        let bare = open(&bare);
        prop_assert!(!bare.info().has_index);
        prop_assert_eq!(&TapeInfo { has_index: true, venues: info.venues.clone(), ..bare.info().clone() }, info);
        let mut found: Vec<&str> = bare.info().venues.iter().map(VenueName::as_str).collect();
        found.sort();
        prop_assert_eq!(found, venues);
    }
}

#[test]
fn every_word_and_every_extreme_comes_back() {
    let symbol = symbol("v0:A");
    let venue = VenueName::parse("v0").expect("a venue");
    let mut events = Vec::new();
    let mut update = |fields: Fields, ts_event: Option<i64>, ts: i64| {
        let (ts_event, ts_recv) = (ts_event.map(Ts), Ts(ts));
        let symbol = symbol.clone();
        events.push((
            ts_recv,
            Event::Update(Update {
                symbol,
                fields,
                ts_event,
                ts_recv,
            }),
        ));
    };
    let extremes = [0, 1, -1, 10, i64::MAX, i64::MIN, i64::MAX - 7, i64::MIN / 10];
    let times = [0, i64::MAX, i64::MIN, -1, 1, 1_000_000, i64::MAX];
    for (field, n) in Field::ALL.into_iter().zip(0..) {
        for (at, mantissa) in extremes.into_iter().enumerate() {
            for decimals in [0, 1, 18] {
                let mut fields = Fields::new();
                fields.set(field, Decimal::new(mantissa, decimals).expect("18 decimals at most"));
                update(fields, Some(times[at % times.len()]), times[(at + n) % times.len()]);
            }
        }
        for value in [Value::Cleared, Value::Misfit] {
            let mut fields = Fields::new();
            update(*fields.put(field, value), None, 7);
            update(*fields.mark_trade(), Some(0), 7);
        }
    }
    for side in [None, Some(Side::Buy), Some(Side::Sell)] {
        let value = Value::Set(Decimal::from_int(3));
        let mut fields = Fields::new();
        update(*fields.trade(value, Value::Cleared, side), None, 7);
    }
    update(Fields::new(), None, 0);
    let causes = [
        None,
        Some(StaleCause::Gap),
        Some(StaleCause::Silent),
        Some(StaleCause::Disconnected),
        Some(StaleCause::Checksum),
        Some(StaleCause::Restart),
    ];
    for ticker in [TickerState::Live, TickerState::Stale, TickerState::Halted] {
        events.extend(causes.map(|cause| (Ts(8), state(&symbol, ticker, cause))));
    }
    for to in [VenueState::Up, VenueState::Stale, VenueState::Down] {
        for reason in [String::new(), "é\0\n".to_owned(), "x".repeat(REASON_BYTES_MAX)] {
            let (venue, state) = (venue.clone(), to);
            events.push((Ts(9), Event::Venue { venue, state, reason }));
        }
    }
    for places in [None, Some(0), Some(18)] {
        let listed = |price_decimals, size_decimals, volume_decimals| Event::Listed {
            symbol: symbol.clone(),
            price_decimals,
            size_decimals,
            volume_decimals,
        };
        events.push((Ts(-9), listed(places, None, Some(3))));
        events.push((Ts(-9), listed(None, places, None)));
    }
    events.push((Ts(i64::MIN), Event::Removed(symbol.clone())));
    let folder = Folder::new();
    write(&folder.file("small.tape"), &events);
    assert!(read_whole(&folder.file("small.tape")) == taped(&events));
    let mut writer = TapeWriter::create(&folder.file("one.tape"), Rotation::default()).expect("a new file");
    events
        .iter()
        .for_each(|(ts, event)| writer.write(*ts, event).expect("written"));
    writer.finish().expect("finished");
    assert!(read_whole(&folder.file("one.tape")) == taped(&events));
}

#[test]
fn an_updates_own_time_counts() {
    let folder = Folder::new();
    let path = folder.file("x.tape");
    let mut writer = TapeWriter::create(&path, Rotation::default()).expect("a new file");
    writer.write(Ts(99), &price(&symbol("v0:A"), 7, 1)).expect("written");
    writer.finish().expect("finished");
    assert_eq!(read_whole(&path)[0].ts, Ts(7));
}

#[test]
fn a_reason_beyond_all_bounds_is_cut_between_two_characters() {
    let folder = Folder::new();
    let venue = VenueName::parse("v0").expect("a venue");
    let long = |reason: String| Event::Venue {
        venue: venue.clone(),
        state: VenueState::Down,
        reason,
    };
    let reason = "x".repeat(REASON_BYTES_MAX - 1);
    write(&folder.file("x.tape"), &[(Ts(1), long(format!("{reason}éé")))]);
    assert_eq!(read_whole(&folder.file("x.tape")), [record(Ts(1), long(reason))]);
}

#[test]
fn the_largest_blocks_there_are_can_be_read() {
    // As many bytes as a record can have, in a block of as many as there can be: each value as far as can be from the one
    // before it, or exact because of a precision, a symbol for each, as long as can be.
    let mut events = Vec::new();
    for n in 0..BLOCK_RECORDS_MAX as i64 {
        let mut fields = Fields::new();
        for field in Field::ALL {
            let mantissa = if n % 2 == 0 { i64::MAX - n } else { i64::MIN + n };
            fields.set(
                field,
                Decimal::new(mantissa, (n % 19) as u8).expect("18 decimals at most"),
            );
        }
        let name = format!("{}:{n:063}", "v".repeat(32));
        let ts_recv = Ts(if n % 2 == 0 { i64::MAX - n } else { n });
        let ts_event = Some(Ts(if n % 2 == 0 { n } else { i64::MAX - n }));
        let symbol = symbol(&name);
        events.push((
            ts_recv,
            Event::Update(Update {
                symbol,
                fields,
                ts_event,
                ts_recv,
            }),
        ));
    }
    let folder = Folder::new();
    let path = folder.file("x.tape");
    let mut writer = TapeWriter::create(&path, Rotation::default()).expect("a new file");
    events
        .iter()
        .for_each(|(ts, event)| writer.write(*ts, event).expect("written"));
    writer.finish().expect("finished");
    let mut reader = open(&path);
    let (records, error) = read(&mut reader);
    assert!(error.is_none() && records == taped(&events), "{error:?}");
    let image = reader.seek(Ts(i64::MAX)).expect("the last keyframe");
    assert!(image == play(&Image::default(), None, &records));
    assert_eq!(image.instruments.len(), BLOCK_RECORDS_MAX);
}

#[test]
fn a_tape_of_nothing_is_one() {
    let folder = Folder::new();
    let path = folder.file("x.tape");
    let written = write(&path, &[]);
    assert_eq!((written.records, written.files), (0, 1));
    let mut reader = open(&path);
    let want = TapeInfo {
        keyframes: 1,
        blocks: 1,
        has_index: true,
        ..TapeInfo::default()
    };
    assert_eq!(reader.info(), &want);
    assert!(!reader.read(&mut Vec::new()).expect("the end"));
    assert_eq!(reader.seek(Ts(5)).expect("the beginning"), Image::default());
}

#[test]
fn what_is_no_tape_is_named() {
    let folder = Folder::new();
    let path = folder.file("x.tape");
    for (bytes, want) in [
        (&b""[..], "`x.tape` is not a tape"),
        (b"#tickwire-capture 1 venue=binance\n", "`x.tape` is not a tape"),
        (&file_head(2), "`x.tape` is a tape of version 2: version 1 is supported"),
        (&file_head(1), "`x.tape` at byte 16: the block is truncated"),
    ] {
        std::fs::write(&path, bytes).expect("written");
        let error = TapeReader::open(&path, OnDamage::Stop)
            .err()
            .expect("refused")
            .to_string();
        let error = error.replace(
            &format!("{}/", folder.file("").display().to_string().trim_end_matches('/')),
            "",
        );
        assert!(error.starts_with(want), "{error}");
    }
    let error = TapeReader::open(&folder.file("y.tape"), OnDamage::Salvage)
        .err()
        .expect("refused");
    assert!(matches!(error, TapeError::Open { .. }), "{error}");
}
