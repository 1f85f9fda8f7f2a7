//! The report for people.

use std::fmt::Write;

use super::super::figures::{columns, decimals, grouped, printable, signed};
use super::report::{ProcessReport, Report, Spread};

// Writing to a String does not fail, so its results are dropped below.

/// From so much of a thread's time on, what is measured may be the load generator's own.
const BUSY_PERCENT: f64 = 80.0;

/// The whole report as lines of text.
pub(super) fn table(report: &Report) -> String {
    let mut out = String::new();
    let mut say = |label: &str, text: &str| {
        let _ = writeln!(out, "{label:<13}{text}");
    };
    say("server", &printable(&format!("{} {}", report.url, report.server)));
    say("subscribers", &subscribers(report));
    if report.measured_s > 0.0 {
        say("measured", &format!("{:.3} s", report.measured_s));
        say("frames", &frames(report));
        say("entries", &entries(report));
        say("bytes", &bytes(report));
        say("latency", &spread(report.latency_ns.as_ref(), "deltas"));
        say("age", &spread(report.age_ns.as_ref(), "entries"));
        say("round trip", &spread(report.round_trip_ns.as_ref(), "pings"));
        if let Some((offset, error)) = report.clock_offset_ns.zip(report.clock_error_ns) {
            let (offset, error) = (signed(offset), signed(error));
            say(
                "clock",
                &format!("the server's is {offset} ahead of ours, give or take {error}"),
            );
        }
        say("skipped", &skipped(report));
        if let Some(inflate) = &report.inflate {
            let factor = inflate.inflated_bytes as f64 / inflate.deflated_bytes.max(1) as f64;
            let (messages, us) = (grouped(inflate.messages), decimals(inflate.us_per_message));
            say(
                "inflated",
                &format!("{messages} messages to {factor:.1} times their size, {us} µs each"),
            );
        }
        say("generator", &generator(report));
    }
    say("checked", &checked(report));
    say("lost", &grouped(report.gaps));
    for fault in &report.faults {
        say("fault", &printable(fault));
    }
    let more = report.faults_total - report.faults.len() as u64;
    if more > 0 {
        say("fault", &format!("and {} more", grouped(more)));
    }
    if let Some(process) = &report.process {
        say("server CPU", &cpu(process));
        say("server RSS", &resident(process));
        threads(&mut out, process);
    }
    out
}

fn subscribers(report: &Report) -> String {
    let (joined, all) = (grouped(report.joined as u64), grouped(report.subscribers.into()));
    let set = if report.same { "the same" } else { "each" };
    let compression = match report.compression {
        "none" => "",
        _ => ", deflate",
    };
    format!(
        "{joined} of {all} joined in {:.1} s; {} symbols {set}, {}{compression}, every {} ms",
        report.join_s,
        grouped(report.symbols.into()),
        report.encoding,
        report.interval_ms
    )
}

fn frames(report: &Report) -> String {
    let each = report.frames_per_s / f64::from(report.subscribers);
    let mut text = format!(
        "{}, {} a second, {} for each subscriber",
        grouped(report.frames),
        decimals(report.frames_per_s),
        decimals(each)
    );
    for (count, word) in [
        (report.snapshots, "parts of snapshots"),
        (report.heartbeats, "heartbeats besides"),
        (report.epochs, "new epochs"),
    ] {
        if count > 0 {
            let _ = write!(text, "; {} {word}", grouped(count));
        }
    }
    text
}

fn entries(report: &Report) -> String {
    let (entries, frame) = (report.entries, per(report.entries, report.frames));
    format!(
        "{}, {} a second, {frame} a frame",
        grouped(entries),
        decimals(report.entries_per_s)
    )
}

fn bytes(report: &Report) -> String {
    format!(
        "{} a second, {} with headers; {} a frame, {} an entry",
        decimals(report.payload_bytes_per_s),
        decimals(report.wire_bytes_per_s),
        per(report.wire_bytes, report.frames),
        per(report.wire_bytes, report.entries)
    )
}

fn per(number: u64, by: u64) -> String {
    match by {
        0 => "0".to_owned(),
        by => decimals(number as f64 / by as f64),
    }
}

fn spread(spread: Option<&Spread>, of: &str) -> String {
    let Some(spread) = spread else {
        return "none".to_owned();
    };
    let lag = &spread.lag;
    let figures = [
        ("p50", lag.p50),
        ("p90", lag.p90),
        ("p99", lag.p99),
        ("p99.9", lag.p999),
        ("max", lag.max),
    ];
    let figures = figures.map(|(name, ns)| format!("{name} {}", signed(ns)));
    let mut text = format!("{}; of {} {of}", figures.join(", "), grouped(lag.count));
    if spread.negative > 0 {
        let _ = write!(text, ", {} below zero: the clocks differ", grouped(spread.negative));
    }
    text
}

fn skipped(report: &Report) -> String {
    let share = report.skipped_share * 100.0;
    format!(
        "{} beats, {share:.2} % of those with changes",
        grouped(report.skipped_beats)
    )
}

fn generator(report: &Report) -> String {
    let own = &report.generator;
    let threads = if own.threads == 1 { "thread" } else { "threads" };
    let mut text = format!(
        "{} {threads}, {:.1} % of a core, {} µs a frame",
        own.threads,
        own.cpu_percent,
        decimals(own.cpu_us_per_frame)
    );
    if own.cpu_percent > BUSY_PERCENT * own.threads as f64 {
        text.push_str("; it is at its own limit, so latencies may be its own");
    }
    text
}

fn checked(report: &Report) -> String {
    let checked = &report.checked;
    format!(
        "the seqs of {} messages; {} decoded in full",
        grouped(checked.seqs),
        grouped(checked.decoded)
    )
}

fn cpu(process: &ProcessReport) -> String {
    format!(
        "{:.1} % of a core, {} µs a frame",
        process.cpu_percent,
        decimals(process.cpu_us_per_frame)
    )
}

fn resident(process: &ProcessReport) -> String {
    let mib = |bytes: u64| format!("{:.1} MiB", bytes as f64 / f64::from(1 << 20));
    format!(
        "{} before, {} joined, {} at the end; {:.1} KiB a subscriber",
        mib(process.resident_bytes_before),
        mib(process.resident_bytes_joined),
        mib(process.resident_bytes_after),
        process.resident_bytes_per_subscriber / 1024.0
    )
}

fn threads(out: &mut String, process: &ProcessReport) {
    let rows = process.threads.iter().map(|thread| {
        [
            printable(&thread.name),
            grouped(thread.threads),
            format!("{:.3}", thread.cpu_s),
            format!("{:.1}", thread.cpu_percent),
        ]
    });
    columns(
        out,
        ["server thread", "threads", "CPU s", "% of a core"],
        rows.collect(),
    );
}
