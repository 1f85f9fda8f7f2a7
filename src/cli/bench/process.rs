//! What another process of this machine uses, from Linux' `/proc`.

use std::collections::BTreeMap;
use std::fs::{read_dir, read_to_string};
use std::io;

use serde::Serialize;

use crate::monitor::process::resident_bytes;

/// A process that is looked at from outside.
#[derive(Clone, Copy, Debug)]
pub(super) struct Process {
    pub(super) pid: u32,
}

/// CPU time of each thread that there is, by its id.
#[derive(Clone, Debug, Default)]
pub(super) struct Usage(BTreeMap<u32, (String, u64)>);

/// CPU time of the threads of one name.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(super) struct ThreadReport {
    pub(super) name: String,
    pub(super) threads: u64,
    pub(super) cpu_s: f64,
    /// Of one core.
    pub(super) cpu_percent: f64,
}

impl Process {
    /// CPU time that its threads have run.
    ///
    /// # Errors
    /// There is no such process, or no `/proc`.
    pub(super) fn usage(self) -> io::Result<Usage> {
        let mut threads = BTreeMap::new();
        for entry in read_dir(format!("/proc/{}/task", self.pid))? {
            let path = entry?.path();
            let id = path.file_name().and_then(|name| name.to_str()?.parse().ok());
            // A thread may end while the list is read.
            let (Some(id), Ok(name), Ok(stat)) = (
                id,
                read_to_string(path.join("comm")),
                read_to_string(path.join("schedstat")),
            ) else {
                continue;
            };
            let ran = stat.split_whitespace().next().and_then(|ns| ns.parse().ok());
            threads.insert(id, (name.trim_end().to_owned(), ran.unwrap_or(0)));
        }
        match threads.is_empty() {
            true => Err(io::Error::new(
                io::ErrorKind::NotFound,
                "none of its threads tells its CPU time",
            )),
            false => Ok(Usage(threads)),
        }
    }

    /// Resident memory in bytes.
    ///
    /// # Errors
    /// There is no such process, or no `/proc`.
    pub(super) fn resident_bytes(self) -> io::Result<u64> {
        resident_bytes(self.pid)
    }
}

impl Usage {
    /// CPU time since then, by the names of threads, most first, and all of it in ns; what a thread that has ended
    /// meanwhile used is not in it.
    pub(super) fn since(&self, before: &Usage, span_s: f64) -> (u64, Vec<ThreadReport>) {
        let mut by_name: BTreeMap<&str, (u64, u64)> = BTreeMap::new();
        for (id, (name, ns)) in &self.0 {
            let began = before.0.get(id).map_or(0, |(_, ns)| *ns);
            let (threads, sum) = by_name.entry(name).or_default();
            (*threads, *sum) = (*threads + 1, *sum + ns.saturating_sub(began));
        }
        let total = by_name.values().map(|(_, ns)| ns).sum();
        let report = |(name, (threads, ns)): (&str, (u64, u64))| ThreadReport {
            name: name.to_owned(),
            threads,
            cpu_s: ns as f64 / 1e9,
            cpu_percent: percent(ns, span_s),
        };
        let mut threads: Vec<ThreadReport> = by_name.into_iter().map(report).collect();
        threads.sort_by(|a, b| b.cpu_s.total_cmp(&a.cpu_s));
        (total, threads)
    }
}

/// CPU time as a share of one core.
pub(super) fn percent(ns: u64, span_s: f64) -> f64 {
    match span_s > 0.0 {
        true => ns as f64 / 1e7 / span_s,
        false => 0.0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn usage(threads: &[(u32, &str, u64)]) -> Usage {
        Usage(
            threads
                .iter()
                .map(|(id, name, ns)| (*id, ((*name).to_owned(), *ns)))
                .collect(),
        )
    }

    #[test]
    fn cpu_is_told_by_names_of_threads_and_who_is_new_counts() {
        let before = usage(&[(1, "shard-0", 1_000_000_000), (2, "rt", 5_000_000_000), (3, "gone", 9)]);
        let after = usage(&[
            (1, "shard-0", 3_000_000_000),
            (2, "rt", 5_500_000_000),
            (4, "rt", 500_000_000),
        ]);
        let (total, threads) = after.since(&before, 4.0);
        assert_eq!(total, 3_000_000_000);
        let told: Vec<_> = threads
            .iter()
            .map(|t| (t.name.as_str(), t.threads, t.cpu_s, t.cpu_percent))
            .collect();
        assert_eq!(told, [("shard-0", 1, 2.0, 50.0), ("rt", 2, 1.0, 25.0)]);
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn this_process_uses_something_and_none_has_number_0() {
        let own = Process {
            pid: std::process::id(),
        };
        assert!(own.resident_bytes().expect("a number") > 1 << 20);
        assert!(own.usage().expect("threads").since(&Usage::default(), 1.0).0 > 0);
        assert!(Process { pid: 0 }.usage().is_err());
        assert!(Process { pid: 0 }.resident_bytes().is_err());
    }
}
