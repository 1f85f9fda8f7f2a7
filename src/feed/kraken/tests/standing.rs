//! How breaks, halts and gaps combine, as said by the parser and as shown by the watch over it.

use std::time::Duration;

use super::super::super::watch::Watch;
use super::channels::{reference, system, trade};
use super::naive::{Naive, frame};
use super::*;

/// One step: what comes, what is said of it, what is shown after it.
type Step<'a> = (&'a str, &'a [&'a str], &'a str);

fn run(steps: &[Step<'_>]) {
    let (mut parser, mut watch) = (asked(&[NAME]), Watch::new(Duration::from_secs(10)));
    let snapshot = Naive::new(10).frame("snapshot", &[("1.0", "1.0")], &[("2.0", "1.0")]);
    let mut shown = String::from("nothing");
    let mut trade_id = 10;
    for (at, (what, said, want)) in steps.iter().enumerate() {
        let came = match *what {
            "snapshot" => snapshot.clone(),
            "wrong" => frame("update", &[("1.0", "3.0")], &[], 7),
            "halt" => reference("maintenance"),
            "resume" => reference("online"),
            "venue halt" => system("maintenance"),
            "venue resume" => system("online"),
            "trade" | "gap" => {
                trade_id += if *what == "gap" { 3 } else { 1 };
                trade(trade_id, "1.5")
            }
            other => panic!("no such step: {other}"),
        };
        let mut batch = Batch::new();
        heard(&mut parser, &came, &mut batch);
        let mut words = words(&batch);
        words.retain(|word| !word.starts_with("listed"));
        assert_eq!(words, *said, "step {at}: {what}");
        watch.note(Duration::from_secs(at as u64), &mut batch, 0);
        let states = batch.iter().filter(|event| matches!(event, Event::State { .. }));
        if let Some(last) = states.cloned().next_back() {
            shown = self::words(&vec![last]).remove(0);
        }
        assert_eq!(shown, *want, "step {at}: {what}");
    }
}

#[test]
fn a_gap_of_trades_is_said_around_the_trade_that_shows_it() {
    run(&[
        ("snapshot", &["update", "live"], "live"),
        ("trade", &["update"], "live"),
        ("gap", &["stale gap", "update", "live"], "live"),
        ("trade", &["update"], "live"),
    ]);
}

#[test]
fn nothing_but_a_snapshot_makes_a_broken_book_live() {
    run(&[
        ("snapshot", &["update", "live"], "live"),
        ("trade", &["update"], "live"),
        ("wrong", &["stale checksum"], "stale checksum"),
        ("trade", &["update"], "stale checksum"),
        ("gap", &["update"], "stale checksum"),
        ("halt", &["halted", "stale checksum"], "stale checksum"),
        ("gap", &["update"], "stale checksum"),
        ("resume", &[], "stale checksum"),
        ("wrong", &[], "stale checksum"),
        ("snapshot", &["live"], "live"),
    ]);
}

#[test]
fn a_halt_outlasts_what_mends_and_ends_with_the_venues_word() {
    run(&[
        ("halt", &["halted"], "halted"),
        ("snapshot", &["update", "live", "halted"], "halted"),
        ("trade", &["update"], "halted"),
        ("gap", &["stale gap", "update", "live", "halted"], "halted"),
        ("wrong", &["stale checksum"], "stale checksum"),
        ("snapshot", &["live", "halted"], "halted"),
        ("halt", &[], "halted"),
        ("resume", &["live"], "live"),
        ("venue halt", &["halted"], "halted"),
        ("halt", &[], "halted"),
        ("venue resume", &[], "halted"),
        ("resume", &["live"], "live"),
    ]);
}

#[test]
fn a_halt_that_ends_before_the_first_snapshot_is_over_with_it() {
    run(&[
        ("halt", &["halted"], "halted"),
        ("resume", &[], "halted"),
        ("gap", &["update"], "halted"),
        ("gap", &["update"], "halted"),
        ("snapshot", &["update", "live"], "live"),
    ]);
}

#[test]
fn a_new_connection_knows_of_no_halt_and_clears_the_old_one_with_its_snapshot() {
    let mut watch = Watch::new(Duration::from_secs(10));
    let snapshot = Naive::new(10).frame("snapshot", &[("1.0", "1.0")], &[("2.0", "1.0")]);
    let mut first = events(&mut asked(&[NAME]), &[snapshot.clone(), reference("delisted")]);
    watch.note(Duration::ZERO, &mut first, 0);
    let mut lost = Batch::new();
    watch.lost(&mut lost);
    let mut second = events(&mut asked(&[NAME]), &[reference("online"), snapshot]);
    watch.note(Duration::from_secs(1), &mut second, 0);
    assert_eq!(words(&first), ["update", "live", "listed 1 8", "halted"]);
    assert_eq!(words(&lost), ["stale disconnected"]);
    assert_eq!(words(&second), ["listed 1 8", "update", "live"]);
}
