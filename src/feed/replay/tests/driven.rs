//! What a replay is told, it does.

use super::*;
use crate::control::{Inflow, ReplayCommand, ReplayRefusal, ReplayRemote, replay_remote};

const MS: i64 = 1_000_000;

/// A replay under way, and the store that it fills.
pub(super) struct Driven {
    pub(super) remote: ReplayRemote,
    inflows: tokio::sync::mpsc::Receiver<Inflow>,
    pub(super) writer: Writer,
    epochs: Vec<Epoch>,
    /// In milliseconds of the recording.
    pub(super) beats: Vec<i64>,
    /// When each came.
    pub(super) came: Vec<tokio::time::Instant>,
    _subscribed: watch::Sender<bool>,
}

impl Driven {
    pub(super) fn start(options: ReplayOptions) -> Driven {
        let (subscribed, first) = watch::channel(true);
        let replay = Replay::open(options).expect("a replay");
        let epochs = vec![replay.status().epoch];
        let (remote, desk) = replay_remote(replay.status());
        let mut feed = replay.into_feed(&FeedContext::new(first), desk).expect("a feed");
        let (out, inflows) = channel(1);
        tokio::spawn(async move { feed.run(&out).await });
        Driven {
            remote,
            inflows,
            writer: Writer::new(100),
            epochs,
            beats: Vec::new(),
            came: Vec::new(),
            _subscribed: subscribed,
        }
    }

    /// Takes what comes until nothing has come for a while.
    pub(super) async fn settle(&mut self) {
        while let Ok(Some(inflow)) = tokio::time::timeout(Duration::from_millis(200), self.inflows.recv()).await {
            self.take(inflow);
        }
    }

    /// Takes what comes in this time.
    pub(super) async fn pass(&mut self, span: Duration) {
        let end = tokio::time::Instant::now() + span;
        while let Ok(inflow) = tokio::time::timeout_at(end, self.inflows.recv()).await {
            match inflow {
                Some(inflow) => self.take(inflow),
                None => tokio::time::sleep_until(end).await,
            }
        }
    }

    fn take(&mut self, inflow: Inflow) {
        match inflow {
            Inflow::Events { events, now, .. } => {
                events
                    .iter()
                    .for_each(|event| self.writer.apply(event, now.unwrap_or_default()));
            }
            Inflow::Restore(image) => self.writer.restore(&image),
            Inflow::Renew { epoch, image } => {
                self.epochs.push(epoch);
                self.writer.renew(&image);
            }
            Inflow::Beat(ts) => {
                self.beats.push(ts.0 / MS);
                self.came.push(tokio::time::Instant::now());
            }
        }
    }

    /// All that were told, and the first.
    pub(super) fn epochs(&self) -> &[Epoch] {
        &self.epochs
    }

    /// Does a command while what it brings is taken.
    pub(super) async fn ask(&mut self, command: ReplayCommand) -> Result<ReplayStatus, ReplayRefusal> {
        let remote = self.remote.clone();
        let mut asked = std::pin::pin!(remote.ask(command));
        loop {
            tokio::select! {
                answer = &mut asked => {
                    while let Ok(inflow) = self.inflows.try_recv() {
                        self.take(inflow);
                    }
                    return answer.expect("it is there");
                }
                Some(inflow) = self.inflows.recv() => self.take(inflow),
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn it_steps_beat_by_beat_goes_on_and_comes_back_after_its_end() {
    let recording = Recording::new("driven", trades(100).as_bytes());
    let mut driven = Driven::start(ReplayOptions {
        is_paused: true,
        ..options(&[&recording.0])
    });
    driven.settle().await;
    assert_eq!(
        (driven.beats.len(), driven.remote.status().state),
        (0, ReplayState::Paused)
    );
    let status = driven.ask(ReplayCommand::Step(3)).await.expect("a step");
    driven.settle().await;
    assert_eq!((status.position, driven.beats.clone()), (Ts(30 * MS), vec![10, 20, 30]));
    let third = driven.writer.image();
    driven.ask(ReplayCommand::Resume).await.expect("it goes on");
    driven.settle().await;
    let status = driven.remote.status();
    assert_eq!(
        (status.state, status.updates, status.progress()),
        (ReplayState::Ended, 100, 1.0)
    );
    let end = driven.writer.image();
    for command in [ReplayCommand::Pause, ReplayCommand::Resume, ReplayCommand::Step(1)] {
        assert_eq!(driven.ask(command).await, Err(ReplayRefusal::Ended));
    }
    // Backwards: a new epoch with the state there; then the same again.
    let status = driven.ask(ReplayCommand::Seek(Ts(34 * MS))).await.expect("a seek");
    assert_eq!((status.position, status.state), (Ts(30 * MS), ReplayState::Playing));
    driven.ask(ReplayCommand::Pause).await.expect("a pause");
    driven.settle().await;
    driven.ask(ReplayCommand::Seek(Ts(30 * MS))).await.expect("a seek");
    driven.settle().await;
    assert_eq!(driven.writer.image().instruments, third.instruments);
    // Forwards: the epoch stays.
    let epochs = driven.epochs.len();
    driven.ask(ReplayCommand::Seek(Ts(100 * MS))).await.expect("a seek");
    driven.ask(ReplayCommand::Resume).await.expect("it goes on");
    driven.settle().await;
    assert_eq!(
        (driven.epochs.len(), driven.writer.image().instruments),
        (epochs, end.instruments)
    );
}

#[tokio::test(start_paused = true)]
async fn what_cannot_be_done_is_refused_with_what_can() {
    let recording = Recording::new("refused", trades(10).as_bytes());
    let mut driven = Driven::start(ReplayOptions {
        is_paused: true,
        ..options(&[&recording.0])
    });
    let refused = driven
        .ask(ReplayCommand::Seek(Ts(5_000 * MS)))
        .await
        .expect_err("not recorded");
    assert!(
        refused.to_string().contains("5000000000 is not in the recording"),
        "{refused}"
    );
    assert_eq!(driven.ask(ReplayCommand::Step(0)).await, Err(ReplayRefusal::Step(0)));
    let status = driven
        .ask(ReplayCommand::Speed(Speed::Times(2.0)))
        .await
        .expect("a speed");
    assert_eq!(status.speed, Speed::Times(2.0));
}

#[tokio::test(start_paused = true)]
async fn each_pass_of_a_loop_is_a_new_epoch_and_the_same_each_time() {
    let run = async || {
        let recording = Recording::new("epochs", trades(30).as_bytes());
        let mut driven = Driven::start(ReplayOptions {
            is_loop: true,
            ..options(&[&recording.0])
        });
        while driven.epochs.len() < 4 {
            let inflow = driven.inflows.recv().await.expect("it goes on");
            driven.take(inflow);
        }
        assert!(driven.writer.is_empty(), "an epoch begins with nothing");
        driven.epochs
    };
    let epochs = run().await;
    assert_eq!(epochs, run().await);
    assert!(epochs.windows(2).all(|pair| pair[0] != pair[1]));
}
