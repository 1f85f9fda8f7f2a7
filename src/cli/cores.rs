//! Which cores the service runs on: `--cores 0,2-3`.

use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;
use std::time::{Duration, Instant};

use serde::{Deserialize, Deserializer, de};

/// Cores by the system's numbers, ascending.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Cores(Vec<usize>);

/// More are not known to the system's call.
const CORE_MAX: usize = 1_023;

/// A thread begins within milliseconds, on a busy machine within some more.
const BEGUN_DEADLINE: Duration = Duration::from_secs(5);

/// Why a list of cores cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum CoresError {
    #[error("`{0}` is no list of cores: numbers from 0 to {CORE_MAX} and ranges are, such as 0,2-3")]
    Syntax(String),
    #[error("core {core} cannot be used: this process may use {allowed}")]
    NotAllowed { core: usize, allowed: Cores },
    #[error("threads cannot be bound to cores: {0}")]
    System(String),
}

impl CoresError {
    /// Whether the user has to name other cores; else the machine failed.
    pub(super) fn is_usage(&self) -> bool {
        !matches!(self, CoresError::System(_))
    }
}

impl fmt::Display for Cores {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, run) in self.0.chunk_by(|a, b| a + 1 == *b).enumerate() {
            let comma = if at > 0 { "," } else { "" };
            match run {
                [one] => write!(f, "{comma}{one}")?,
                [first, .., last] => write!(f, "{comma}{first}-{last}")?,
                [] => {}
            }
        }
        Ok(())
    }
}

impl FromStr for Cores {
    type Err = CoresError;

    fn from_str(text: &str) -> Result<Cores, CoresError> {
        let wrong = || CoresError::Syntax(text.to_owned());
        let number = |text: &str| match text.trim().parse::<usize>() {
            Ok(core) if core <= CORE_MAX && !text.contains('+') => Ok(core),
            _ => Err(wrong()),
        };
        let mut cores = Vec::new();
        for part in text.split(',') {
            let (first, last) = part.split_once('-').unwrap_or((part, part));
            let (first, last) = (number(first)?, number(last)?);
            if first > last {
                return Err(wrong());
            }
            cores.extend(first..=last);
        }
        cores.sort_unstable();
        cores.dedup();
        Ok(Cores(cores))
    }
}

impl<'de> Deserialize<'de> for Cores {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Cores, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
    }
}

impl Cores {
    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    /// Checks that the process may use them all.
    ///
    /// # Errors
    /// The first that it may not.
    pub(super) fn check(&self) -> Result<(), CoresError> {
        let allowed = system::allowed()?;
        match self.0.iter().find(|core| !allowed.0.contains(core)) {
            Some(core) => Err(CoresError::NotAllowed { core: *core, allowed }),
            None => Ok(()),
        }
    }

    /// Binds every thread of the process: `shard-N` to one core, in turn, the others to all of them. Threads that are made
    /// later have what their makers have. A thread has its name when it has begun to run, so all shards are waited for.
    ///
    /// # Errors
    /// The system's.
    pub(super) fn bind(&self, shards: usize) -> Result<(), CoresError> {
        let until = Instant::now() + BEGUN_DEADLINE;
        loop {
            let mut seen = BTreeSet::new();
            system::bind_threads(|name| {
                let number = name.strip_prefix("shard-").and_then(|n| n.parse::<usize>().ok());
                seen.extend(number);
                match number {
                    Some(number) => &self.0[number % self.0.len()..][..1],
                    None => &self.0,
                }
            })?;
            if seen.len() >= shards {
                return Ok(());
            }
            if Instant::now() > until {
                return Err(CoresError::System(format!("{} of {shards} shards run", seen.len())));
            }
            std::thread::sleep(Duration::from_millis(1));
        }
    }
}

#[cfg(target_os = "linux")]
mod system {
    use std::fs;
    use std::io;

    use rustix::process::Pid;
    use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};

    use super::{CORE_MAX, Cores, CoresError};

    fn failed(error: impl Into<io::Error>) -> CoresError {
        CoresError::System(error.into().to_string())
    }

    pub(super) fn allowed() -> Result<Cores, CoresError> {
        let set = sched_getaffinity(None).map_err(failed)?;
        Ok(Cores((0..=CORE_MAX).filter(|core| set.is_set(*core)).collect()))
    }

    pub(super) fn bind_threads<'a>(mut cores_of: impl FnMut(&str) -> &'a [usize]) -> Result<(), CoresError> {
        for thread in fs::read_dir("/proc/self/task").map_err(failed)? {
            let thread = thread.map_err(failed)?;
            let id = thread.file_name().to_str().and_then(|id| id.parse().ok());
            // One that has ended meanwhile needs none.
            let (Some(id), Ok(name)) = (
                id.and_then(Pid::from_raw),
                fs::read_to_string(thread.path().join("comm")),
            ) else {
                continue;
            };
            let mut set = CpuSet::new();
            cores_of(name.trim_end()).iter().for_each(|core| set.set(*core));
            match sched_setaffinity(Some(id), &set) {
                Ok(()) | Err(rustix::io::Errno::SRCH) => {}
                Err(error) => return Err(failed(error)),
            }
        }
        Ok(())
    }
}

#[cfg(not(target_os = "linux"))]
mod system {
    use super::{Cores, CoresError};

    fn unsupported() -> CoresError {
        CoresError::System("only Linux can".to_owned())
    }

    pub(super) fn allowed() -> Result<Cores, CoresError> {
        Err(unsupported())
    }

    pub(super) fn bind_threads<'a>(_: impl FnMut(&str) -> &'a [usize]) -> Result<(), CoresError> {
        Err(unsupported())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_has_numbers_and_ranges_in_any_order() {
        for (text, want) in [("0", "0"), ("3,1,2", "1-3"), ("0,2-3, 3", "0,2-3"), ("7-7", "7")] {
            assert_eq!(text.parse::<Cores>().expect(text).to_string(), want);
        }
    }

    #[test]
    fn what_is_no_list_is_refused_with_what_one_looks_like() {
        for text in [
            "",
            ",",
            "a",
            "+1",
            "-1",
            "1-",
            "3-2",
            "1024",
            "0,,1",
            "99999999999999999999",
        ] {
            let error = text.parse::<Cores>().expect_err(text);
            assert!(error.to_string().contains("such as 0,2-3"), "{error}");
            assert!(error.is_usage());
        }
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn a_core_that_the_machine_lacks_is_named_with_those_that_it_has() {
        let error = "1023"
            .parse::<Cores>()
            .expect("a list")
            .check()
            .expect_err("no such core");
        assert!(
            error
                .to_string()
                .starts_with("core 1023 cannot be used: this process may use "),
            "{error}"
        );
    }
}
