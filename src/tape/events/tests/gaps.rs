//! A gap, and what follows from it.

use super::*;

#[test]
fn a_gap_makes_what_is_live_stale_and_its_next_update_makes_it_live() {
    let names = ["v0:LIVE", "v0:AGAIN", "v0:SILENT", "v0:HALTED", "v0:GONE", "v0:LATER"];
    let [live, again, silent, halted, gone, later] = names.map(symbol);
    let stale = |of: &Symbol, cause| state(of, TickerState::Stale, Some(cause));
    let halt = state(&halted, TickerState::Halted, None);
    let alive = |of: &Symbol| state(of, TickerState::Live, None);
    let before = [
        price(&live, 1, 10),
        price(&again, 1, 10),
        price(&silent, 1, 10),
        price(&halted, 1, 10),
        price(&gone, 1, 10),
        stale(&silent, StaleCause::Silent),
        halt.clone(),
        Event::Removed(gone.clone()),
    ];
    let folder = Folder::new();
    let path = folder.file("x.tape");
    let mut writer = small(&path, Rotation::default());
    let mut want = Vec::new();
    for event in before {
        writer.write(Ts(1), &event).expect("written");
        want.push(record(Ts(1), event));
    }
    writer.gap(Ts(2), 77).expect("written");
    want.push(Taped {
        ts: Ts(2),
        what: What::Gap { events: 77 },
    });
    want.push(record(Ts(2), stale(&live, StaleCause::Gap)));
    want.push(record(Ts(2), stale(&again, StaleCause::Gap)));
    // Its first update after the gap, at its own time, and another.
    writer.write(Ts(9), &price(&live, 3, 11)).expect("written");
    writer.write(Ts(9), &price(&live, 4, 12)).expect("written");
    want.push(record(Ts(3), alive(&live)));
    want.push(record(Ts(3), price(&live, 3, 11)));
    want.push(record(Ts(4), price(&live, 4, 12)));
    // What was not live before it is not made so.
    for (of, ts) in [(&silent, 5), (&halted, 5), (&gone, 5), (&later, 5)] {
        writer.write(Ts(5), &price(of, ts, 13)).expect("written");
        want.push(record(Ts(5), price(of, ts, 13)));
    }
    // A second gap: only what became live since is told again.
    writer.gap(Ts(6), 0).expect("written");
    want.push(Taped {
        ts: Ts(6),
        what: What::Gap { events: 0 },
    });
    for of in [&live, &gone, &later] {
        want.push(record(Ts(6), stale(of, StaleCause::Gap)));
    }
    // What the feed itself says of a state, or that it takes an instrument away, holds.
    for event in [
        stale(&again, StaleCause::Silent),
        price(&again, 7, 14),
        Event::Removed(gone.clone()),
        price(&gone, 7, 14),
    ] {
        writer.write(Ts(7), &event).expect("written");
        want.push(record(Ts(7), event));
    }
    let written = writer.finish().expect("finished");
    assert_eq!((written.gaps, written.records), (2, want.len() as u64));
    let mut reader = open(&path);
    assert_eq!((reader.info().gaps, reader.info().records), (2, want.len() as u64));
    assert_eq!(read(&mut reader).0, want);
}

#[test]
fn a_gap_holds_into_the_next_file() {
    let of = symbol("v0:A");
    let folder = Folder::new();
    let rotation = Rotation {
        span_max: Some(std::time::Duration::from_nanos(10)),
        ..Rotation::default()
    };
    let mut writer = small(&folder.file("x.tape"), rotation);
    writer.write(Ts(0), &price(&of, 0, 1)).expect("written");
    writer.gap(Ts(1), 3).expect("written");
    writer.write(Ts(50), &price(&of, 50, 1)).expect("written");
    writer.finish().expect("finished");
    let want = [
        record(Ts(50), state(&of, TickerState::Live, None)),
        record(Ts(50), price(&of, 50, 1)),
    ];
    assert_eq!(read_whole(&folder.file("x.0002.tape")), want);
}
