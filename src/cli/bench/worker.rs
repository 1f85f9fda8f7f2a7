//! One thread with its share of the subscribers: joins them at a pace, reads them all, says goodbye.

use std::io;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use mio::{Events, Poll, Token};
use rustix::time::{ClockId, clock_gettime};

use super::connection::Connection;
use super::fault::Fault;
use super::plan::Plan;
use super::subscriber::Tools;
use super::tally::{Phase, Tally};
use crate::wire::Inflater;

/// Joins a second, all threads together: no storm, and 10,000 subscribers are there in 20 s.
const JOINS_PER_SECOND: u32 = 500;

/// Subscribers between connecting and their snapshot, all threads together.
const JOINING_MAX: usize = 64;

/// Bytes read at once: a beat's frame has some hundred, a backlog of seconds 64 KiB.
const READ_BYTES: usize = 64 << 10;

/// Sockets that are told ready at once.
const EVENTS_MAX: usize = 1_024;

/// Longest wait for anything to come: how late a thread sees that it is over.
const PATIENCE: Duration = Duration::from_millis(20);

/// A server writes to one subscriber after the other. Waking this thread for each of them costs the server 5 to 10 % of CPU
/// and us 10 to 30 %, so while frames come closer together than this they are gathered for so long, with
/// the system's own delay some 0.1 ms, which latencies may be too long by.
const GATHER: Duration = Duration::from_micros(50);

/// Between looks for subscribers that are silent or late.
const SWEEP: Duration = Duration::from_millis(500);

/// Between pings of the witness.
const PING: Duration = Duration::from_millis(250);

/// For the server's goodbyes.
const CLOSE_DEADLINE: Duration = Duration::from_secs(5);

/// What the threads and the one that leads them tell each other.
#[derive(Debug, Default)]
pub(super) struct Signals {
    pub(super) joined: AtomicUsize,
    /// Subscribers that are gone and should not be.
    pub(super) gone: AtomicUsize,
    /// From when to when is measured.
    pub(super) window: OnceLock<(Instant, Instant)>,
    /// Goodbye, whatever the window says.
    pub(super) is_over: AtomicBool,
}

/// The subscribers of one thread.
pub(super) struct Worker {
    poll: Poll,
    /// At their token's place; `None` where one has ended.
    connections: Vec<Option<Connection>>,
    buffer: Vec<u8>,
    tools: Tools,
    signals: Arc<Signals>,
    /// This one of so many threads.
    place: usize,
    threads: usize,
    /// How many subscribers are its share.
    share: usize,
    joined: usize,
    cpu_begun: Duration,
}

impl Worker {
    /// Makes it without any connection.
    ///
    /// # Errors
    /// The system gives no poll.
    pub(super) fn new(
        plan: Arc<Plan>,
        signals: Arc<Signals>,
        (place, threads): (usize, usize),
        subscribers: usize,
    ) -> io::Result<Worker> {
        Ok(Worker {
            poll: Poll::new()?,
            connections: Vec::new(),
            buffer: vec![0; READ_BYTES],
            tools: Tools {
                plan,
                tally: Tally::new(),
                inflater: Inflater::new(),
            },
            signals,
            place,
            threads,
            // Numbers go round the threads.
            share: (subscribers + threads - 1 - place) / threads,
            joined: 0,
            cpu_begun: Duration::ZERO,
        })
    }

    /// Runs to the end of the measuring, or until it is over.
    ///
    /// # Errors
    /// The system's poll fails.
    pub(super) fn run(mut self) -> io::Result<Tally> {
        let mut events = Events::with_capacity(EVENTS_MAX);
        let begun = Instant::now();
        let (mut next_sweep, mut next_ping) = (begun + SWEEP, begun);
        while self.tools.tally.phase != Phase::After {
            let asked = Instant::now();
            let now = self.turn(&mut events)?;
            self.enter_phase(now);
            self.join_due(begun, now);
            if now >= next_sweep {
                next_sweep = now + SWEEP;
                self.sweep(now);
            }
            if now >= next_ping {
                next_ping = now + PING;
                self.ping();
            }
            if now.saturating_duration_since(asked) < GATHER {
                std::thread::sleep(GATHER);
            }
        }
        self.say_goodbye(&mut events)?;
        Ok(self.tools.tally)
    }

    /// Waits for sockets and serves them.
    fn turn(&mut self, events: &mut Events) -> io::Result<Instant> {
        match self.poll.poll(events, Some(PATIENCE)) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => events.clear(),
            polled => polled?,
        }
        let now = Instant::now();
        for event in events.iter() {
            let Token(at) = event.token();
            let Some(connection) = self.connections.get_mut(at).and_then(Option::as_mut) else {
                continue;
            };
            let was_joined = connection.is_joined();
            let outcome = connection.ready(event, now, &mut self.buffer, &mut self.tools);
            if connection.is_joined() && !was_joined {
                self.joined += 1;
                self.signals.joined.fetch_add(1, Relaxed);
            }
            match outcome {
                Err(fault) => self.drop_for(at, &fault),
                Ok(()) if connection.is_ended() => self.connections[at] = None,
                Ok(()) => {}
            }
        }
        Ok(now)
    }

    fn enter_phase(&mut self, now: Instant) {
        let window = self.signals.window.get();
        let is_over = self.signals.is_over.load(Relaxed);
        let phase = match window {
            _ if is_over => Phase::After,
            Some((_, end)) if now >= *end => Phase::After,
            Some((start, _)) if now >= *start => Phase::Measured,
            _ => Phase::Before,
        };
        let tally = &mut self.tools.tally;
        if phase == Phase::Measured && tally.phase == Phase::Before {
            self.cpu_begun = cpu();
        }
        if phase == Phase::After && tally.phase == Phase::Measured {
            tally.cpu = cpu().saturating_sub(self.cpu_begun);
        }
        tally.phase = phase;
    }

    fn join_due(&mut self, begun: Instant, now: Instant) {
        let is_one_each = |all: usize| all.div_ceil(self.threads);
        let (joining_max, elapsed) = (is_one_each(JOINING_MAX), now.saturating_duration_since(begun));
        let pace = f64::from(JOINS_PER_SECOND) / self.threads as f64;
        let due = ((elapsed.as_secs_f64() * pace) as usize + 1).min(self.share);
        while self.connections.len() < due
            && self.connections.len() - self.joined < joining_max
            && self.signals.gone.load(Relaxed) == 0
        {
            let at = self.connections.len();
            let number = at * self.threads + self.place;
            match Connection::open(number, &self.tools.plan, self.poll.registry(), Token(at)) {
                Ok(connection) => self.connections.push(Some(connection)),
                Err(fault) => {
                    self.connections.push(None);
                    self.tell(number, &fault);
                }
            }
        }
    }

    fn drop_for(&mut self, at: usize, fault: &Fault) {
        if let Some(connection) = self.connections[at].take() {
            // After the goodbye an end is an end.
            if self.tools.tally.phase != Phase::After {
                self.tell(connection.subscriber.number, fault);
            }
        }
    }

    fn tell(&mut self, number: usize, fault: &Fault) {
        self.tools.tally.faults.take(number, fault);
        self.signals.gone.fetch_add(1, Relaxed);
    }

    fn sweep(&mut self, now: Instant) {
        for at in 0..self.connections.len() {
            let checked = self.connections[at].as_ref().map(|connection| connection.check(now));
            if let Some(Err(fault)) = checked {
                self.drop_for(at, &fault);
            }
        }
    }

    /// The witness is the first subscriber of the first thread.
    fn ping(&mut self) {
        if self.place > 0 || !self.tools.tally.is_measured() {
            return;
        }
        let encoding = self.tools.plan.encoding();
        if let Some(Some(witness)) = self.connections.first_mut()
            && let Err(fault) = witness.ping(encoding)
        {
            self.drop_for(0, &fault);
        }
    }

    /// Reads what was sent before the server's own goodbye, so that the whole run's counts are the server's.
    fn say_goodbye(&mut self, events: &mut Events) -> io::Result<()> {
        for slot in &mut self.connections {
            if let Some(connection) = slot {
                connection.close();
            }
            slot.take_if(|connection| connection.is_ended());
        }
        let deadline = Instant::now() + CLOSE_DEADLINE;
        while self.connections.iter().any(Option::is_some) && Instant::now() < deadline {
            self.turn(events)?;
        }
        Ok(())
    }
}

/// CPU time of this thread.
fn cpu() -> Duration {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    Duration::new(
        u64::try_from(time.tv_sec).unwrap_or(0),
        u32::try_from(time.tv_nsec).unwrap_or(0),
    )
}
