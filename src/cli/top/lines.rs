//! A sample as text: a block of lines, or one line of JSON.

use std::fmt::Write;
use std::time::Instant;

use serde_json::{Map, Number, Value, json};

use super::board::Board;
use super::words::{SPANS, bytes, connection, head, micros, number, percent, state};

// Writing to a String does not fail, so its results are dropped below.

/// A block of lines, with an empty one behind it.
pub(super) fn plain(board: &Board, now: Instant) -> String {
    let mut text = format!("server   {}  {}\n", head(board, usize::MAX), connection(board, now));
    let _ = writeln!(
        text,
        "load     CPU {}, memory {}, instruments {}, updates/s {}, subscribers {}, slow {}, skipped beats/s {}, errors/s {}",
        percent(board, "cpu_percent"),
        bytes(board, "resident_bytes"),
        number(board, "instruments"),
        number(board, "updates_per_s"),
        number(board, "subscribers"),
        number(board, "slow_subscribers"),
        number(board, "skipped_beats_per_s"),
        number(board, "errors_per_s"),
    );
    let spans = SPANS.map(|(word, name)| {
        let (p50, p99) = (
            micros(board, &format!("{name}_p50_us")),
            micros(board, &format!("{name}_p99_us")),
        );
        format!("{word} {p50} / {p99}")
    });
    let _ = writeln!(text, "p50/p99  {}", spans.join(", "));
    let fan_out = |of: &str| {
        let (frames, entries) = (format!("{of}frames_per_s"), format!("{of}entries_per_s"));
        let sent = bytes(board, &format!("{of}bytes_per_s"));
        format!(
            "frames/s {}, entries/s {}, {sent}/s",
            number(board, &frames),
            number(board, &entries)
        )
    };
    let _ = writeln!(text, "fan-out  {}", fan_out(""));
    for encoding in board.encodings() {
        let _ = writeln!(
            text,
            "fan-out  {encoding}: {}",
            fan_out(&format!("encoding.{encoding}."))
        );
    }
    for venue in board.venues() {
        let of = |name: &str| format!("venue.{venue}.{name}");
        let _ = writeln!(
            text,
            "venue    {venue}: {}, updates/s {}, lag p50/p99 {} / {}, malformed/s {}, gaps/s {}, connects/s {}",
            state(board, venue),
            number(board, &of("updates_per_s")),
            micros(board, &of("lag_p50_us")),
            micros(board, &of("lag_p99_us")),
            number(board, &of("malformed_per_s")),
            number(board, &of("gaps_per_s")),
            number(board, &of("connects_per_s")),
        );
    }
    text.push('\n');
    text
}

/// One object on one line; statistics are exact numbers by their names.
pub(super) fn json(board: &Board, now: Instant) -> String {
    let exact = |text: String| text.parse::<Number>().map_or(Value::Null, Value::Number);
    let values = board
        .values
        .iter()
        .map(|(name, value)| (name.clone(), exact(value.to_string())));
    let object = json!({
        "url": board.url,
        "server": board.server,
        "epoch": board.epoch,
        "seq": board.seq,
        "connected": board.link.is_up(),
        "old": board.is_old(now),
        "stats": values.collect::<Map<_, _>>(),
    });
    format!("{object}\n")
}
