//! Numbers, spans of time and tables as people read them.

use std::fmt::Write;

// Writing to a String does not fail, so its results are dropped below.

/// A table: the first column to the left, numbers to the right.
pub(super) fn columns<const N: usize>(out: &mut String, head: [&str; N], rows: Vec<[String; N]>) {
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
pub(super) fn decimals(number: f64) -> String {
    match number {
        big if big >= 1_000.0 => grouped(big.round() as u64),
        small if small < 10.0 => format!("{small:.2}"),
        number => format!("{number:.1}"),
    }
}

/// A length of time, in the unit that people would say.
pub(super) fn span(ns: u64) -> String {
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

/// A length of time in whole seconds, and what is larger.
pub(super) fn seconds(seconds: u64) -> String {
    let (minutes, hours, days) = (seconds / 60, seconds / 3_600, seconds / 86_400);
    match seconds {
        ..60 => format!("{seconds} s"),
        60..3_600 => format!("{minutes} min {} s", seconds % 60),
        3_600..86_400 => format!("{hours} h {} min", minutes % 60),
        _ => format!("{days} d {} h", hours % 24),
    }
}

/// Bytes, or bytes a second.
pub(super) fn bytes(bytes: f64) -> String {
    match bytes {
        big if big >= 1_048_576.0 => format!("{} MiB", decimals(big / 1_048_576.0)),
        some if some >= 1_024.0 => format!("{} KiB", decimals(some / 1_024.0)),
        few => format!("{few:.0} B"),
    }
}

pub(super) fn signed(ns: i64) -> String {
    let sign = if ns < 0 { "-" } else { "" };
    format!("{sign}{}", span(ns.unsigned_abs()))
}

/// Free of control characters, and of those that turn the direction of what stands around them.
pub(super) fn printable(text: &str) -> String {
    let turns =
        |c| matches!(c, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    text.chars()
        .map(|c| if c.is_control() || turns(c) { '\u{fffd}' } else { c })
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
        for (number, want) in [
            (59, "59 s"),
            (61, "1 min 1 s"),
            (7_260, "2 h 1 min"),
            (200_000, "2 d 7 h"),
        ] {
            assert_eq!(seconds(number), want);
        }
        for (number, want) in [(1_023.0, "1023 B"), (1_536.0, "1.50 KiB"), (12_582_912.0, "12.0 MiB")] {
            assert_eq!(bytes(number), want);
        }
        assert_eq!(printable("a\x1b\u{202e}b\u{2066}é"), "a\u{fffd}\u{fffd}b\u{fffd}é");
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
