//! The feed of updates that are pushed over HTTP: it has no source of its own and no specification.

use tokio::sync::mpsc;

use super::super::watch::SILENCE_DEFAULT;
use super::super::{Feed, FeedClosed, FeedContext, FeedEnd, FeedError, Outlet, Run, Told};
use super::intake::Intake;
use super::lines::Numbered;
use super::{Lines, named};
use crate::control::{Push, PushOutcome};
use crate::market::{Ts, VenueName};

/// What its lines are counted under.
const KIND: &str = "push";

/// Makes the feed that takes pushed lines. It ends when nobody can push any more.
pub fn push(context: &FeedContext, pushes: mpsc::Receiver<Push>) -> Box<dyn Feed> {
    let intake = Intake::new(&named(KIND), None, &context.claims, SILENCE_DEFAULT);
    Box::new(Pushed { intake, pushes })
}

struct Pushed {
    intake: Intake,
    pushes: mpsc::Receiver<Push>,
}

impl Feed for Pushed {
    fn venues(&self) -> &[VenueName] {
        self.intake.venues()
    }

    fn run<'a>(&'a mut self, out: &'a Outlet) -> Run<'a> {
        Box::pin(self.pushed(out))
    }

    fn down<'a>(&'a mut self, reason: String, out: &'a Outlet) -> Told<'a> {
        Box::pin(async move {
            self.intake.down(&reason);
            self.intake.flush(out).await
        })
    }
}

impl Pushed {
    async fn pushed(&mut self, out: &Outlet) -> Result<FeedEnd, FeedError> {
        loop {
            tokio::select! {
                push = self.pushes.recv() => match push {
                    Some(push) => self.take(push, out).await?,
                    None => {
                        let reason = "nobody can push updates any more".to_owned();
                        return Ok(FeedEnd { reason });
                    }
                },
                () = tokio::time::sleep_until(self.intake.next_check()) => {
                    self.intake.check();
                    self.intake.flush(out).await?;
                }
            }
        }
    }

    /// Takes the lines of one push and answers once all events were handed over.
    async fn take(&mut self, push: Push, out: &Outlet) -> Result<(), FeedClosed> {
        let mut lines = Lines::starting_at(push.first_line);
        let mut rest = &push.lines[..];
        let mut outcome = PushOutcome::default();
        while let Some(line) = lines.next(&mut rest) {
            self.line(line, push.ts_recv, &mut outcome);
            if self.intake.is_full() {
                self.intake.flush(out).await?;
            }
        }
        if let Some(line) = lines.finish() {
            self.line(line, push.ts_recv, &mut outcome);
        }
        self.intake.flush(out).await?;
        // Whoever has pushed and no longer waits does not want to know.
        let _ = push.reply.send(outcome);
        Ok(())
    }

    fn line(&mut self, (number, line): Numbered<'_>, ts_recv: Ts, outcome: &mut PushOutcome) {
        match self.intake.line(number, line, ts_recv) {
            Ok(is_update) => outcome.accepted += u64::from(is_update),
            Err(error) => outcome.reject(number, || error.to_string()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::channel;
    use super::*;
    use crate::control::push_channel;
    use crate::market::{Event, VenueState};
    use tokio::sync::{oneshot, watch};

    #[tokio::test]
    async fn the_answer_comes_after_the_events_and_names_the_lines() {
        let context = FeedContext::new(watch::channel(false).1);
        let taken = VenueName::parse("taken").expect("a venue");
        context.claims.take(&taken).expect("free");
        let (pushes, receiver) = push_channel();
        let mut feed = push(&context, receiver);
        let (out, mut batches) = channel(1);
        let run = tokio::spawn(async move { feed.run(&out).await });
        let many = (0..300)
            .map(|n| format!("{{\"symbol\":\"x:N{n}\",\"low\":{n}}}\n"))
            .collect::<String>();
        let lines = many + "\nno line\n{\"symbol\":\"taken:A\",\"low\":1}\n{\"symbol\":\"x:A\",\"low\":1}";
        let (reply, mut answer) = oneshot::channel();
        let one = Push {
            lines: lines.into_bytes(),
            first_line: 11,
            ts_recv: Ts(5),
            reply,
        };
        pushes.send(one).await.expect("it runs");
        // 601 events are three batches, and the channel holds one: nothing is answered before the second was taken.
        let mut events = batches.recv().await.expect("it runs").into_events();
        assert!(answer.try_recv().is_err());
        while events.len() < 603 {
            events.extend(batches.recv().await.expect("it runs").into_events());
        }
        let outcome = answer.await.expect("an answer");
        assert_eq!(outcome.accepted, 301);
        let rejected: Vec<_> = outcome.rejected.iter().map(|r| (r.line, &*r.message)).collect();
        assert_eq!((rejected.len(), rejected[0].0), (2, 312));
        assert_eq!(rejected[1], (313, "venue `taken` has another feed"));
        assert!(matches!(
            &events[0],
            Event::Venue {
                state: VenueState::Up,
                ..
            }
        ));
        drop(pushes);
        run.await.expect("no panic").expect("an end");
    }
}
