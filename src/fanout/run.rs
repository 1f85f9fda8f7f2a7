//! The shards' threads, and where sessions find them.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use tokio::sync::{mpsc, watch};

use crate::engine::{BEAT, Clock, Demand, Lockstep, TICKS_QUEUED_MAX, Tick, TickReceiver};
use crate::market::SymbolPattern;
use crate::monitor::names;
use crate::store::Table;

use super::bounds::{COMMANDS_QUEUED_MAX, COMMANDS_SPAN, RETRY_FIRST};
use super::resolve::is_of_feeds;
use super::{Command, FanoutConfig, Shard, Socket, SubscriberId};

/// All shards of a process.
pub struct Fanout<S> {
    config: FanoutConfig,
    shards: Vec<mpsc::Sender<Command<S>>>,
    next: AtomicU64,
    /// Shard of the next subscriber, before it is cut to their number.
    turn: AtomicUsize,
    first_subscribe: watch::Sender<bool>,
}

impl<S: Socket + 'static> Fanout<S> {
    /// Starts one thread for each receiver of ticks; they end when the engine has ended.
    ///
    /// Each begins with the table that the first tick goes on from. `first_subscribe` becomes true when the first subscriber holds something.
    ///
    /// # Errors
    /// Where the machine gives no thread.
    pub fn spawn(
        config: &FanoutConfig,
        table: &Table,
        receivers: Vec<TickReceiver>,
        demand: &Arc<Demand>,
        first_subscribe: &watch::Sender<bool>,
    ) -> io::Result<(Fanout<S>, Vec<thread::JoinHandle<()>>)> {
        let (mut shards, mut threads) = (Vec::new(), Vec::new());
        for (at, ticks) in receivers.into_iter().enumerate() {
            let (sender, commands) = mpsc::channel(COMMANDS_QUEUED_MAX);
            let first = first_subscribe.clone();
            let tell = Box::new(move || {
                first.send_replace(true);
            });
            let shard = Shard::new(config.clone(), demand.clone(), tell).with_table(table.clone());
            let pledge = Pledge::new(&config.clock, at);
            let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build()?;
            let is_ring_wanted = config.io_uring;
            let run = move || runtime.block_on(run(shard, is_ring_wanted, pledge, ticks, commands));
            threads.push(thread::Builder::new().name(format!("shard-{at}")).spawn(run)?);
            shards.push(sender);
        }
        Ok((
            Fanout {
                config: config.clone(),
                shards,
                next: AtomicU64::new(1),
                turn: AtomicUsize::new(0),
                first_subscribe: first_subscribe.clone(),
            },
            threads,
        ))
    }

    /// What every shard was told, and every other way out keeps to.
    pub fn config(&self) -> &FanoutConfig {
        &self.config
    }

    /// Notes that somebody holds something whom no shard knows.
    pub fn note_subscriber(&self, strings: &[SymbolPattern]) {
        if is_of_feeds(strings) {
            self.first_subscribe.send_replace(true);
        }
    }

    /// A number for a subscriber whom no shard knows.
    pub fn number(&self) -> SubscriberId {
        SubscriberId(self.next.fetch_add(1, Ordering::Relaxed))
    }

    /// A number for a new subscriber, and its shard: they take turns.
    pub fn place(&self) -> (SubscriberId, mpsc::Sender<Command<S>>) {
        let turn = self.turn.fetch_add(1, Ordering::Relaxed);
        (self.number(), self.shards[turn % self.shards.len()].clone())
    }

    /// Tells every shard that the server stops.
    pub async fn drain(&self) {
        for shard in &self.shards {
            // A shard that has ended has no subscribers left to tell.
            let _ = shard.send(Command::Drain).await;
        }
    }
}

/// What a shard says to the engine under a tape's clock: how far all of its subscribers are.
struct Pledge {
    lockstep: Arc<Lockstep>,
    shard: usize,
    /// Ticks taken so far.
    ticks: u64,
    /// When full sockets are tried again before the timer's next beat does.
    retry_in: Option<Duration>,
}

impl Pledge {
    /// `None` where beats wait for nobody.
    fn new(clock: &Clock, shard: usize) -> Option<Pledge> {
        match clock {
            Clock::Wall => None,
            Clock::Tape { lockstep, .. } => Some(Pledge {
                lockstep: lockstep.clone(),
                shard,
                ticks: 0,
                retry_in: None,
            }),
        }
    }

    /// Notes ticks as taken, and says whether everybody has what is theirs.
    fn took<S: Socket>(&mut self, ticks: u64, shard: &Shard<S>) {
        self.ticks += ticks;
        if shard.owes_nothing() {
            self.lockstep.idle(self.shard, self.ticks);
            self.retry_in = None;
        } else {
            self.lockstep.busy(self.shard);
            self.retry_in.get_or_insert(RETRY_FIRST);
        }
    }

    /// Waits until full sockets are to be tried again; for ever where the timer is enough.
    async fn retry(pledge: &Option<Pledge>) {
        match pledge
            .as_ref()
            .and_then(|pledge| pledge.retry_in)
            .filter(|wait| *wait < BEAT)
        {
            Some(wait) => tokio::time::sleep(wait).await,
            None => std::future::pending().await,
        }
    }
}

/// Does what sessions ask, the first command and those that wait, but no longer than the beat of the others may be late.
fn obey<S: Socket>(
    shard: &mut Shard<S>,
    pledge: &mut Option<Pledge>,
    first: Option<Command<S>>,
    commands: &mut mpsc::Receiver<Command<S>>,
) {
    let waiting = std::iter::from_fn(|| commands.try_recv().ok());
    let mut waiting = first.into_iter().chain(waiting).peekable();
    if let Some(pledge) = pledge.as_ref().filter(|_| waiting.peek().is_some()) {
        pledge.lockstep.busy(pledge.shard);
    }
    let begun = Instant::now();
    for command in waiting {
        shard.command(command);
        if begun.elapsed() >= COMMANDS_SPAN {
            break;
        }
    }
    if let Some(pledge) = pledge {
        pledge.took(0, shard);
    }
}

/// One shard's loop: beats first, then what sessions ask.
async fn run<S: Socket>(
    mut shard: Shard<S>,
    is_ring_wanted: bool,
    mut pledge: Option<Pledge>,
    mut ticks: mpsc::Receiver<Arc<Tick>>,
    mut commands: mpsc::Receiver<Command<S>>,
) {
    if is_ring_wanted && let Err(error) = shard.use_ring() {
        tracing::info!(%error, "no io_uring: each frame is a system call");
    }
    let mut beats = Vec::with_capacity(TICKS_QUEUED_MAX);
    let write = metrics::histogram!(names::HOP_SECONDS, "hop" => "write");
    loop {
        tokio::select! {
            biased;
            count = ticks.recv_many(&mut beats, TICKS_QUEUED_MAX) => {
                if count == 0 {
                    return;
                }
                match &mut pledge {
                    None => shard.turn(&beats),
                    // Each beat on its own, so that nothing depends on how fast this thread is.
                    Some(pledge) => {
                        for tick in &beats {
                            shard.turn(std::slice::from_ref(tick));
                            pledge.took(1, &shard);
                        }
                    }
                }
                // The oldest has waited longest.
                if let Some(tick) = beats.iter().find(|tick| tick.beat.is_some()) {
                    write.record(tick.sealed.elapsed().as_secs_f64());
                }
                beats.clear();
                // A shard at its limit, and a tape that is played without waiting, leave no other pause for them.
                obey(&mut shard, &mut pledge, None, &mut commands);
            }
            command = commands.recv() => {
                if command.is_none() {
                    return;
                }
                obey(&mut shard, &mut pledge, command, &mut commands);
            }
            () = Pledge::retry(&pledge) => {
                shard.retry();
                if let Some(pledge) = &mut pledge {
                    pledge.retry_in = pledge.retry_in.map(|wait| wait * 2);
                    pledge.took(0, &shard);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::link::Link;
    use super::super::tests::world;
    use super::super::{CloseReason, Join};
    use super::*;
    use crate::engine::{Beater, TickSender, tick_channel};
    use crate::market::Ts;
    use crate::store::Writer;
    use crate::wire::{Compression, Encoding};

    /// Takes everything, and notes how many ticks were waiting when it was closed.
    struct Sink {
        ticks: TickSender,
        waiting: Arc<AtomicU64>,
    }

    impl Socket for Sink {
        fn send(&mut self, bytes: &[u8]) -> io::Result<usize> {
            if bytes[0] == 0x88 {
                let waiting = self.ticks.max_capacity() - self.ticks.capacity();
                self.waiting.store(waiting as u64, Ordering::Relaxed);
            }
            Ok(bytes.len())
        }

        fn abort(&mut self) {}
    }

    #[tokio::test]
    async fn commands_are_taken_where_a_beat_is_always_waiting() {
        let (config, demand) = (world::config(), Arc::new(Demand::default()));
        let shard = Shard::new(config.clone(), demand.clone(), Box::new(|| {}));
        let mut beater = Beater::new(Writer::new(1), demand, config.epoch);
        let (ticks, receiver) = tick_channel(1_000);
        for number in 1..=1_000 {
            let tick = Arc::new(beater.seal(number, number, Ts(number as i64)));
            ticks.try_send(tick).expect("room");
        }
        let (sender, commands) = mpsc::channel(COMMANDS_QUEUED_MAX);
        let (link, waiting) = (Arc::new(Link::default()), Arc::new(AtomicU64::new(0)));
        let socket = Sink {
            ticks,
            waiting: waiting.clone(),
        };
        let join = Join {
            id: SubscriberId(1),
            socket,
            link: link.clone(),
            encoding: Encoding::Protobuf,
            compression: Compression::None,
            pace_beats: 1,
            allowance: config.allowance(),
            is_authenticated: false,
        };
        for command in [
            Command::Join(Box::new(join)),
            Command::Close(SubscriberId(1), CloseReason::NoPong),
        ] {
            sender.try_send(command).expect("room");
        }
        let closed = async {
            while link.ended().is_none() {
                link.changed().await;
            }
        };
        tokio::select! {
            () = closed => {}
            () = run(shard, false, None, receiver, commands) => panic!("nobody ended it"),
        }
        assert!(waiting.load(Ordering::Relaxed) > 900, "{waiting:?} beats were left");
    }
}
