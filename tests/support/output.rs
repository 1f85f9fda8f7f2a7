//! What a process writes to a pipe, line by line, each wait with its limit.

use std::io::{BufRead, BufReader, Read};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use super::LIMIT;

/// The lines so far; a thread reads on until the pipe is closed, so that the process never waits for its reader.
#[derive(Clone, Default)]
pub(crate) struct Output(Arc<(Mutex<Lines>, Condvar)>);

#[derive(Default)]
struct Lines {
    all: Vec<String>,
    /// How many were handed out.
    taken: usize,
    is_closed: bool,
}

impl Output {
    /// Reads a pipe to its end.
    pub(crate) fn of(pipe: impl Read + Send + 'static) -> Output {
        let output = Output::default();
        let writer = output.clone();
        thread::spawn(move || {
            for line in BufReader::new(pipe).lines().map_while(Result::ok) {
                writer.change(|lines| lines.all.push(line));
            }
            writer.change(|lines| lines.is_closed = true);
        });
        output
    }

    /// The next line; `None` where the pipe is closed or nothing came within the limit.
    pub(crate) fn next(&self) -> Option<String> {
        let mut lines = self.wait_while(LIMIT, |lines| lines.taken == lines.all.len() && !lines.is_closed);
        let line = lines.all.get(lines.taken)?.clone();
        lines.taken += 1;
        Some(line)
    }

    /// The next line that contains a part; those before it are passed over.
    pub(crate) fn next_with(&self, part: &str) -> String {
        let until = Instant::now() + LIMIT;
        loop {
            assert!(Instant::now() < until, "no `{part}` within {LIMIT:?}:\n{}", self.all());
            match self.next() {
                Some(line) if line.contains(part) => return line,
                Some(_) => {}
                None => panic!("no `{part}` in:\n{}", self.all()),
            }
        }
    }

    /// Waits for the end of the pipe; what was not handed out before it.
    pub(crate) fn rest(&self) -> String {
        let lines = self.wait_while(LIMIT, |lines| !lines.is_closed);
        assert!(lines.is_closed, "the process did not end within {LIMIT:?}");
        text(&lines.all[lines.taken..])
    }

    /// Everything so far.
    pub(crate) fn all(&self) -> String {
        text(&self.lines().all)
    }

    fn lines(&self) -> MutexGuard<'_, Lines> {
        self.0.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn change(&self, change: impl FnOnce(&mut Lines)) {
        change(&mut self.lines());
        self.0.1.notify_all();
    }

    fn wait_while(&self, limit: Duration, condition: impl FnMut(&mut Lines) -> bool) -> MutexGuard<'_, Lines> {
        let waited = self.0.1.wait_timeout_while(self.lines(), limit, condition);
        waited.unwrap_or_else(PoisonError::into_inner).0
    }
}

fn text(lines: &[String]) -> String {
    lines.iter().flat_map(|line| [line, "\n"]).collect()
}
