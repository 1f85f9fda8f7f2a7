//! What the benches share: CPU time of this thread, medians, and verdicts against a bound.

#![allow(dead_code)] // each bench uses its part

use std::hint::black_box;

/// CPU time of the calling thread in nanoseconds: the machines are shared, and what others do must not count.
pub(crate) fn cpu_ns() -> u64 {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
    time.tv_sec as u64 * 1_000_000_000 + time.tv_nsec as u64
}

/// Median of several runs of `work`, in nanoseconds of CPU per unit; `work` says how many units it did.
pub(crate) fn per_unit(runs: usize, mut work: impl FnMut() -> u64) -> f64 {
    black_box(work());
    let mut costs: Vec<f64> = (0..runs)
        .map(|_| {
            let start = cpu_ns();
            let units = black_box(work());
            (cpu_ns() - start) as f64 / units.max(1) as f64
        })
        .collect();
    median(&mut costs)
}

/// The middle value.
pub(crate) fn median(values: &mut [f64]) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

/// Prints a figure beside its bound; true where it holds.
pub(crate) fn within(what: &str, figure: f64, bound: f64, unit: &str) -> bool {
    let verdict = if figure <= bound { "ok" } else { "OVER" };
    println!("{what:<58} {figure:>9.2} {unit:<6} bound {bound:>7.2}  {verdict}");
    figure <= bound
}

/// Prints a figure that is for comparison only.
pub(crate) fn show(what: &str, figure: f64, unit: &str) {
    println!("{what:<58} {figure:>9.2} {unit}");
}

/// Ends the bench: 1 where a bound was broken.
pub(crate) fn finish(all_within: bool) {
    if !all_within {
        println!("a bound is broken");
        std::process::exit(1);
    }
}
