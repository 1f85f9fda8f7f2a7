//! The report for people.

use std::fmt::Write;

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

/// A table: the first column to the left, numbers to the right.
fn columns<const N: usize>(out: &mut String, head: [&str; N], rows: Vec<[String; N]>) {
    if rows.is_empty() {
        return;
    }
    let wide = |text: &str| text.chars().count();
    let widths: [usize; N] = std::array::from_fn(|at| {
        let cells = rows.iter().map(|row| wide(&row[at]));
        cells.max().unwrap_or(0).max(wide(head[at]))
    });
    out.push('\n');
    let mut line = |cells: [&str; N]| {
        for (at, (cell, width)) in cells.into_iter().zip(widths).enumerate() {
            let _ = match at {
                0 => write!(out, "{cell:<width$}"),
                _ => write!(out, "  {cell:>width$}"),
            };
        }
        out.push('\n');
    };
    line(head);
    rows.iter().for_each(|row| line(row.each_ref().map(String::as_str)));
}

/// `1234567` as `1,234,567`.
pub(super) fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// As many decimals as a small number needs.
fn decimals(number: f64) -> String {
    match number {
        big if big >= 1_000.0 => grouped(big.round() as u64),
        small if small < 10.0 => format!("{small:.2}"),
        number => format!("{number:.1}"),
    }
}

/// A length of time, in the unit that people would say.
fn span(ns: u64) -> String {
    const SECOND: u64 = 1_000_000_000;
    let (minutes, hours) = (ns / SECOND / 60, ns / SECOND / 3_600);
    match ns {
        0 => "0 s".to_owned(),
        1..1_000 => format!("{ns} ns"),
        1_000..1_000_000 => format!("{:.1} µs", ns as f64 / 1e3),
        1_000_000..SECOND => format!("{:.1} ms", ns as f64 / 1e6),
        _ if minutes == 0 => format!("{:.3} s", ns as f64 / 1e9),
        _ if hours == 0 => format!("{minutes} min {:.1} s", (ns % (60 * SECOND)) as f64 / 1e9),
        _ if hours < 48 => format!("{hours} h {} min", minutes % 60),
        _ => format!("{} d {} h", hours / 24, hours % 24),
    }
}

fn signed(ns: i64) -> String {
    let sign = if ns < 0 { "-" } else { "" };
    format!("{sign}{}", span(ns.unsigned_abs()))
}

/// Free of control characters.
fn printable(text: &str) -> String {
    text.chars()
        .map(|c| if c.is_control() { '\u{fffd}' } else { c })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_grouped_and_spans_said_in_their_unit() {
        for (number, want) in [(0, "0"), (999, "999"), (1_000, "1,000"), (12_345_678, "12,345,678")] {
            assert_eq!(grouped(number), want);
        }
        for (ns, want) in [
            (0, "0 s"),
            (999, "999 ns"),
            (1_500, "1.5 µs"),
            (12_340_000, "12.3 ms"),
            (1_500_000_000, "1.500 s"),
            (61_500_000_000, "1 min 1.5 s"),
            (3_660_000_000_000, "1 h 1 min"),
            (200_000_000_000_000, "2 d 7 h"),
        ] {
            assert_eq!(span(ns), want);
        }
        assert_eq!(signed(-12_340_000), "-12.3 ms");
        assert_eq!(
            (decimals(0.5), decimals(75.04), decimals(1_234.5)),
            ("0.50".into(), "75.0".into(), "1,235".into())
        );
    }

    #[test]
    fn tables_are_as_wide_as_their_widest_cell() {
        let mut out = String::new();
        let row = |name: &str, number: &str| [name.to_owned(), number.to_owned()];
        columns(
            &mut out,
            ["symbol", "n"],
            vec![row("x:é", "1"), row("x:LONGER", "1,000")],
        );
        assert_eq!(out, "\nsymbol        n\nx:é           1\nx:LONGER  1,000\n");
    }
}
