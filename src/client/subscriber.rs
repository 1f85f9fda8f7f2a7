//! The program's handle, and the task behind it that connects again and again.

use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll};

use futures_util::Stream;
use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, sleep};

use super::connection::Connection;
use super::end::{Disconnect, Retry};
use super::limits::COMMANDS_MAX;
use super::notice::Notice;
use super::options::Options;
use super::session::{Command, Session, Todo};
use super::shared::{Shared, ViewGuard};
use super::view::View;
use crate::market::{SymbolError, SymbolPattern};

/// A subscription that outlives its connections.
///
/// A task connects, keeps the [`View`], comes back after a loss and resumes. The subscriber is a stream of
/// [`Notice`]s; a program that reads it slowly, or not at all, costs no growing memory: changes are conflated to
/// the set of changed symbols. Dropping it ends the task and closes the connection.
#[derive(Debug)]
pub struct Subscriber {
    shared: Arc<Shared>,
    commands: mpsc::Sender<Command>,
    moved: watch::Receiver<u64>,
}

/// Why the subscriber cannot do what it is asked.
#[derive(Debug, thiserror::Error)]
pub enum SubscriberError {
    /// A string that is neither a symbol nor a pattern; nothing was asked for.
    #[error(transparent)]
    Symbol(#[from] SymbolError),
    /// It gave up; the stream's last item says why.
    #[error("the subscriber gave up")]
    GaveUp,
}

impl Subscriber {
    /// Starts to connect. To be called inside a tokio runtime.
    pub fn new(options: Options) -> Subscriber {
        let (commands, receiver) = mpsc::channel(COMMANDS_MAX);
        let (sender, moved) = watch::channel(0);
        let shared = Arc::new(Shared::new(sender));
        let task = Task {
            session: Session::new(&options, Instant::now().into_std()),
            retry: Retry::new(options.has_token(), fastrand::Rng::new()),
            options,
            shared: Arc::clone(&shared),
            commands: receiver,
        };
        tokio::spawn(task.run());
        Subscriber {
            shared,
            commands,
            moved,
        }
    }

    /// Wants symbols (`binance:BTCUSDT`) or patterns (`binance:*`), now and after each reconnect.
    ///
    /// Returns once noted; the answer is [`Notice::SnapshotDone`], [`Notice::Rejected`] or [`Notice::ServerError`].
    ///
    /// # Errors
    /// Where a string could never be a symbol, before anything is sent, or after giving up.
    ///
    /// # Cancel safety
    /// Wants all or nothing.
    pub async fn subscribe<S: AsRef<str>>(&self, symbols: impl IntoIterator<Item = S>) -> Result<(), SubscriberError> {
        let patterns = symbols.into_iter().map(|s| SymbolPattern::parse(s.as_ref()));
        let patterns = patterns.collect::<Result<Vec<_>, _>>()?;
        self.command(Command::Subscribe(patterns)).await
    }

    /// Takes back strings that were given before; others are passed over.
    ///
    /// What no remaining string covers leaves the view when the server confirms.
    ///
    /// # Errors
    /// After giving up.
    pub async fn unsubscribe<S: AsRef<str>>(
        &self,
        symbols: impl IntoIterator<Item = S>,
    ) -> Result<(), SubscriberError> {
        let strings = symbols.into_iter().map(|s| s.as_ref().to_owned()).collect();
        self.command(Command::Unsubscribe(strings)).await
    }

    async fn command(&self, command: Command) -> Result<(), SubscriberError> {
        self.commands.send(command).await.map_err(|_| SubscriberError::GaveUp)
    }

    /// What is known now. The subscriber waits while the guard is held.
    pub fn view(&self) -> ViewGuard<'_> {
        self.shared.view()
    }

    /// Bytes of all messages so far, over all connections: compressed as they came, without WebSocket's own.
    pub fn received_bytes(&self) -> u64 {
        self.shared.received_bytes()
    }

    /// Waits until the view meets a condition, which is asked after each message; notices stay in the stream.
    ///
    /// # Errors
    /// If the subscriber gives up before.
    ///
    /// # Cancel safety
    /// Can be dropped and called again.
    pub async fn wait_until(&self, mut is_met: impl FnMut(&View) -> bool) -> Result<(), SubscriberError> {
        let mut moved = self.moved.clone();
        loop {
            let is_over = *moved.borrow_and_update() == u64::MAX;
            if is_met(&self.view()) {
                return Ok(());
            }
            if is_over || moved.changed().await.is_err() {
                return Err(SubscriberError::GaveUp);
            }
        }
    }
}

impl Stream for Subscriber {
    type Item = Notice;

    /// The next notice; what happened in order, then what changed. `None` after [`Notice::GaveUp`].
    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Notice>> {
        self.shared.outbox().poll(cx)
    }
}

/// Connects, serves, waits, again.
struct Task {
    options: Options,
    session: Session,
    retry: Retry,
    shared: Arc<Shared>,
    commands: mpsc::Receiver<Command>,
}

impl Task {
    async fn run(mut self) {
        let last = self.run_until_end().await;
        self.shared.end(last.map(Notice::GaveUp));
    }

    /// `Some` when it gives up, `None` when the program dropped its subscriber.
    async fn run_until_end(&mut self) -> Option<Disconnect> {
        loop {
            let options = self.options.clone();
            let reason = match self.meanwhile(Connection::open(&options)).await? {
                Ok(connection) => {
                    match connection
                        .serve(&mut self.session, &self.shared, &mut self.commands)
                        .await
                    {
                        Ok(()) => return None,
                        Err(reason) => reason,
                    }
                }
                Err(reason) => reason,
            };
            let good_for = self.session.good_for(Instant::now().into_std());
            let goaway = self.session.take_goaway();
            self.session.opened(Instant::now().into_std());
            let changes = self.shared.view_mut().disconnected();
            let wait = self.retry.next(&reason, good_for, goaway);
            let Some(retry_in) = wait else {
                self.shared.tell(Todo {
                    changed: changes.removed,
                    ..Todo::default()
                });
                return Some(reason);
            };
            let tell = vec![Notice::Disconnected { reason, retry_in }];
            self.shared.tell(Todo {
                tell,
                changed: changes.removed,
                ..Todo::default()
            });
            self.meanwhile(sleep(retry_in)).await?;
        }
    }

    /// Awaits while the program's wishes are noted, `None` when it dropped its subscriber.
    async fn meanwhile<F: Future>(&mut self, awaited: F) -> Option<F::Output> {
        let mut awaited = pin!(awaited);
        loop {
            let command = tokio::select! {
                output = &mut awaited => return Some(output),
                command = self.commands.recv() => command?,
            };
            // Not connected: the session only notes it, the next connection asks.
            let mut todo = self.session.command(&mut self.shared.view_mut(), command);
            todo.send.clear();
            self.shared.tell(todo);
        }
    }
}
