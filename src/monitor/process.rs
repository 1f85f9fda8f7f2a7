//! What a process uses: processor time and memory.

use std::fmt::Write;
use std::io;
use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};

use super::names;

/// Processor time of all threads of this process since its start.
pub fn cpu_time() -> Duration {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    Duration::new(
        u64::try_from(time.tv_sec).unwrap_or(0),
        u32::try_from(time.tv_nsec).unwrap_or(0),
    )
}

/// Resident memory of a process in bytes, from Linux' `/proc`.
///
/// # Errors
/// There is no such process, or no `/proc`.
pub fn resident_bytes(pid: u32) -> io::Result<u64> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status"))?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kib = line.and_then(|line| line.split_whitespace().next()?.parse::<u64>().ok());
    kib.map(|kib| kib * 1_024)
        .ok_or_else(|| io::Error::new(io::ErrorKind::InvalidData, "it has no resident memory"))
}

/// This process's figures as Prometheus reads them, under the names that its own libraries use. Nothing counts them, so
/// they are asked for when they are read.
pub fn prometheus() -> String {
    let mut text = String::new();
    let mut metric = |name: &str, kind: &str, help: &str, value: f64| {
        // Writing to a String does not fail.
        let _ = write!(text, "# HELP {name} {help}\n# TYPE {name} {kind}\n{name} {value}\n\n");
    };
    let (name, help) = names::PROCESS_CPU_SECONDS;
    metric(name, "counter", help, cpu_time().as_secs_f64());
    if let Ok(bytes) = resident_bytes(std::process::id()) {
        let (name, help) = names::PROCESS_RESIDENT_BYTES;
        metric(name, "gauge", help, bytes as f64);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn work_costs_processor_time_and_prometheus_reads_it() {
        let before = cpu_time();
        while cpu_time() < before + Duration::from_millis(5) {
            std::hint::black_box(0);
        }
        let text = prometheus();
        let line = text
            .lines()
            .find_map(|line| line.strip_prefix("process_cpu_seconds_total "));
        let seconds: f64 = line.and_then(|seconds| seconds.parse().ok()).expect("a figure");
        assert!(seconds > before.as_secs_f64(), "{text}");
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn this_process_has_memory_and_there_is_none_with_number_0() {
        assert!(resident_bytes(std::process::id()).expect("a number") > 1 << 20);
        assert!(resident_bytes(0).is_err());
        assert!(prometheus().contains("\n# TYPE process_resident_memory_bytes gauge\n"));
    }
}
