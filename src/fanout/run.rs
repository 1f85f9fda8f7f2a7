//! The shards' threads, and where sessions find them.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;

use tokio::sync::{mpsc, watch};

use crate::engine::{Demand, TICKS_QUEUED_MAX, Tick, TickReceiver};
use crate::market::Ts;
use crate::monitor::names;

use super::bounds::{COMMANDS_PER_TURN, COMMANDS_QUEUED_MAX};
use super::{Command, FanoutConfig, Shard, Socket, SubscriberId};

/// All shards of a process.
pub struct Fanout<S> {
    shards: Vec<mpsc::Sender<Command<S>>>,
    next: AtomicU64,
}

impl<S: Socket + 'static> Fanout<S> {
    /// Starts one thread for each receiver of ticks; they end when the engine has ended.
    ///
    /// `first_subscribe` becomes true when the first subscriber holds something.
    ///
    /// # Errors
    /// Where the machine gives no thread.
    pub fn spawn(
        config: &FanoutConfig,
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
            let mut shard = Shard::new(config.clone(), demand.clone(), tell);
            // Whoever is welcomed before the first beat has arrived is told a time too.
            shard.ts = Ts::now();
            let runtime = tokio::runtime::Builder::new_current_thread().build()?;
            let run = move || runtime.block_on(run(shard, ticks, commands));
            threads.push(thread::Builder::new().name(format!("shard-{at}")).spawn(run)?);
            shards.push(sender);
        }
        Ok((
            Fanout {
                shards,
                next: AtomicU64::new(1),
            },
            threads,
        ))
    }

    /// A number for a new subscriber, and its shard: they take turns.
    pub fn place(&self) -> (SubscriberId, mpsc::Sender<Command<S>>) {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        (
            SubscriberId(number),
            self.shards[number as usize % self.shards.len()].clone(),
        )
    }

    /// Tells every shard that the server stops.
    pub async fn drain(&self) {
        for shard in &self.shards {
            // A shard that has ended has no subscribers left to tell.
            let _ = shard.send(Command::Drain).await;
        }
    }
}

/// One shard's loop: beats first, then what sessions ask.
async fn run<S: Socket>(
    mut shard: Shard<S>,
    mut ticks: mpsc::Receiver<Arc<Tick>>,
    mut commands: mpsc::Receiver<Command<S>>,
) {
    let mut beats = Vec::with_capacity(TICKS_QUEUED_MAX);
    let mut asked = Vec::with_capacity(COMMANDS_PER_TURN);
    let write = metrics::histogram!(names::HOP_SECONDS, "hop" => "write");
    loop {
        tokio::select! {
            biased;
            count = ticks.recv_many(&mut beats, TICKS_QUEUED_MAX) => {
                if count == 0 {
                    return;
                }
                shard.turn(&beats);
                // The oldest has waited longest.
                if let Some(tick) = beats.iter().find(|tick| tick.beat.is_some()) {
                    write.record(tick.sealed.elapsed().as_secs_f64());
                }
                beats.clear();
            }
            count = commands.recv_many(&mut asked, COMMANDS_PER_TURN) => {
                if count == 0 {
                    return;
                }
                asked.drain(..).for_each(|command| shard.command(command));
            }
        }
    }
}
