//! What a process uses: processor time, memory and descriptors.

use std::fmt::Write;
use std::io;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use rustix::io::Errno;
use rustix::process::{Resource, getrlimit};
use rustix::time::{ClockId, clock_gettime};

use super::catalogue::PROCESS;
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

/// Descriptors of this process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Descriptors {
    /// Those that are open.
    pub open: u64,
    /// Those that may be.
    pub most: u64,
}

impl Descriptors {
    /// Reads both from Linux' `/proc`; `None` where there is none, or no bound.
    pub fn read() -> Option<Descriptors> {
        let most = getrlimit(Resource::Nofile).current?;
        let open = match std::fs::read_dir("/proc/self/fd") {
            // One of them is the folder's own.
            Ok(folder) => (folder.count() as u64).saturating_sub(1),
            // There is none left to open the folder with.
            Err(error) if error.raw_os_error() == Some(Errno::MFILE.raw_os_error()) => most,
            Err(_) => return None,
        };
        Some(Descriptors { open, most })
    }

    /// Whether fewer are left than a moment's connections may take: one in twenty, 16 at least.
    pub fn are_short(self) -> bool {
        self.most.saturating_sub(self.open) < (self.most / 20).max(16)
    }
}

/// This process's figures as Prometheus reads them. Nothing counts them, so they are asked for when they are read; what
/// the system does not say is left out.
pub fn prometheus(started: SystemTime) -> String {
    let descriptors = Descriptors::read();
    let figure = |name| match name {
        names::PROCESS_CPU_SECONDS => Some(cpu_time().as_secs_f64()),
        names::PROCESS_RESIDENT_BYTES => resident_bytes(std::process::id()).ok().map(|bytes| bytes as f64),
        names::PROCESS_OPEN_FDS => descriptors.map(|of| of.open as f64),
        names::PROCESS_MAX_FDS => descriptors.map(|of| of.most as f64),
        names::PROCESS_START_SECONDS => started.duration_since(UNIX_EPOCH).ok().map(|at| at.as_secs_f64()),
        _ => None,
    };
    let mut text = String::new();
    for metric in PROCESS {
        let (name, kind, help) = (metric.name, metric.kind.word(), metric.help);
        if let Some(value) = figure(name) {
            // Writing to a String does not fail.
            let _ = write!(text, "# HELP {name} {help}\n# TYPE {name} {kind}\n{name} {value}\n\n");
        }
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
        let text = prometheus(UNIX_EPOCH + Duration::from_secs(7));
        let line = text
            .lines()
            .find_map(|line| line.strip_prefix("process_cpu_seconds_total "));
        let seconds: f64 = line.and_then(|seconds| seconds.parse().ok()).expect("a figure");
        assert!(seconds > before.as_secs_f64(), "{text}");
        assert!(text.contains("\nprocess_start_time_seconds 7\n"), "{text}");
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn this_process_has_memory_and_there_is_none_with_number_0() {
        assert!(resident_bytes(std::process::id()).expect("a number") > 1 << 20);
        assert!(resident_bytes(0).is_err());
        let text = prometheus(SystemTime::now());
        for metric in PROCESS {
            let (name, kind) = (metric.name, metric.kind.word());
            assert!(
                text.contains(&format!("# TYPE {name} {kind}\n{name} ")),
                "{name}: {text}"
            );
        }
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn what_is_opened_is_among_the_open_descriptors() {
        let files: Vec<_> = (0..100)
            .map(|_| std::fs::File::open("/dev/null").expect("a file"))
            .collect();
        let now = Descriptors::read().expect("Linux");
        assert!(now.open >= files.len() as u64 && now.open <= now.most, "{now:?}");
    }

    #[test]
    fn descriptors_are_short_before_they_are_gone() {
        for (open, most, are_short) in [
            (10, 1_024, false),
            (973, 1_024, false),
            (974, 1_024, true),
            (1_024, 1_024, true),
            (40, 64, false),
            (49, 64, true),
            (990_000, 1_048_576, false),
            (1_000_000, 1_048_576, true),
        ] {
            assert_eq!(Descriptors { open, most }.are_short(), are_short, "{open} of {most}");
        }
    }
}
