//! The report for people.

use std::fmt::Write;

use super::super::figures::{columns, decimals, grouped, printable, signed, span};
use super::report::{Report, Time};

// Writing to a String does not fail, so its results are dropped below.

/// The whole report as lines of text.
pub(super) fn table(report: &Report) -> String {
    let mut out = String::new();
    let mut say = |label: &str, text: &str| {
        let _ = writeln!(out, "{label:<11}{text}");
    };
    say("file", &printable(&report.file.file));
    say("size", &size(report));
    say("time", &time(report));
    say("records", &records(report));
    say("states", &states(report));
    say("breaks", &breaks(report));
    say("lag", &lag(report));
    say("bursts", &bursts(report));
    say("silence", &silence(report));
    let (line, most) = (report.rate.sparkline(), report.rate.most_per_second());
    let column = span(report.rate.column_ns);
    say(
        "rate",
        &format!("{line}│ at most {} a second, {column} a column", decimals(most)),
    );
    for damage in &report.file.damages {
        say("damage", &printable(damage));
    }
    venues(&mut out, report);
    symbols(&mut out, report);
    out
}

fn size(report: &Report) -> String {
    let file = &report.file;
    let mut text = format!("{} of {} bytes", file.kind, grouped(file.bytes));
    if let Some(bytes) = report.bytes_per_update {
        let _ = write!(text, ", {} an update", decimals(bytes));
    }
    if let Some(tape) = &file.tape {
        let index = if tape.has_index { "an index" } else { "no index" };
        let _ = write!(
            text,
            "; {} blocks, {} keyframes, {index}",
            grouped(tape.blocks),
            grouped(tape.keyframes)
        );
    }
    text
}

fn time(report: &Report) -> String {
    match (&report.first, &report.last) {
        (Some(first), Some(last)) => format!("{} to {}, {}", first.utc, last.utc, span(report.span_ns)),
        _ => "no record".to_owned(),
    }
}

fn records(report: &Report) -> String {
    let events = &report.events;
    format!(
        "{}: {} updates ({} with quotes, {} trades), {} listed, {} removed",
        grouped(report.records),
        grouped(events.updates),
        grouped(events.quotes),
        grouped(events.trades),
        grouped(events.listed),
        grouped(events.removed)
    )
}

fn states(report: &Report) -> String {
    let (states, venues) = (&report.events.states, &report.events.venue_states);
    format!(
        "instruments: {} live, {} stale, {} halted; venues: {} up, {} stale, {} down",
        grouped(states.live),
        grouped(states.stale),
        grouped(states.halted),
        grouped(venues.up),
        grouped(venues.stale),
        grouped(venues.down)
    )
}

fn breaks(report: &Report) -> String {
    let (breaks, stale) = (&report.breaks, &report.breaks.stale);
    let mut text = format!(
        "{} marks ({} events lost), {} GAP, {} CHECKSUM, {} SILENT, {} DISCONNECTED",
        grouped(breaks.marks),
        grouped(breaks.events_lost),
        grouped(stale.gap),
        grouped(stale.checksum),
        grouped(stale.silent),
        grouped(stale.disconnected)
    );
    for (count, word) in [(stale.restart, "RESTART"), (stale.unsaid, "without a cause")] {
        if count > 0 {
            let _ = write!(text, ", {} {word}", grouped(count));
        }
    }
    text
}

fn lag(report: &Report) -> String {
    let Some(lag) = &report.lag_ns else {
        return "no update has a stamp of its venue".to_owned();
    };
    let figures = [
        ("min", lag.min),
        ("p50", lag.p50),
        ("p90", lag.p90),
        ("p99", lag.p99),
        ("p99.9", lag.p999),
        ("max", lag.max),
    ];
    let figures = figures.map(|(name, ns)| format!("{name} {}", signed(ns)));
    format!("{}; of {} updates", figures.join(", "), grouped(lag.count))
}

fn bursts(report: &Report) -> String {
    let at = |time: &Time| time.utc.clone();
    match (&report.bursts.in_10_ms, &report.bursts.in_1_s) {
        (Some(beat), Some(second)) => format!(
            "{} in 10 ms at {}, {} in 1 s at {}",
            grouped(beat.updates),
            at(&beat.from),
            grouped(second.updates),
            at(&second.from)
        ),
        _ => "no update".to_owned(),
    }
}

fn silence(report: &Report) -> String {
    match &report.silence {
        Some(silence) => format!("{} from {}", span(silence.ns), silence.from.utc),
        None => "fewer than two updates".to_owned(),
    }
}

fn venues(out: &mut String, report: &Report) {
    let rows = report.venues.iter().map(|venue| {
        [
            venue.venue.clone(),
            grouped(venue.symbols),
            grouped(venue.updates),
            decimals(venue.per_second),
        ]
    });
    columns(out, ["venue", "symbols", "updates", "a second"], rows.collect());
}

fn symbols(out: &mut String, report: &Report) {
    let rows = report.symbols.iter().map(|symbol| {
        [
            symbol.symbol.clone(),
            grouped(symbol.updates),
            grouped(symbol.trades),
            decimals(symbol.per_second),
        ]
    });
    columns(out, ["symbol", "updates", "trades", "a second"], rows.collect());
    let more = report.symbols_total - report.symbols.len();
    if more > 0 {
        let _ = writeln!(out, "and {} more: --all shows them", grouped(more as u64));
    }
}
