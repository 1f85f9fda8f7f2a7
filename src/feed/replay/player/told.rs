//! What a replay is told: to stand still, go on, step, seek, at what speed.

use super::{Player, Reply, now};
use crate::control::{ReplayAsk, ReplayCommand, ReplayRefusal, ReplayState, STEP_MAX, Speed};
use crate::feed::replay::beats::{beat_before, beat_of};
use crate::market::Ts;

impl Player {
    /// Does what it is told; a step and a seek are answered once they are done.
    pub(super) fn take(&mut self, ReplayAsk { command, reply }: ReplayAsk) {
        // Whoever was waiting is told how far it came.
        if let Some((_, before)) = self.stepping.take() {
            self.answer(before);
        }
        let has_ended = self.status.state == ReplayState::Ended;
        let refused = match command {
            ReplayCommand::Pause | ReplayCommand::Resume | ReplayCommand::Step(_) if has_ended => {
                Some(ReplayRefusal::Ended)
            }
            ReplayCommand::Step(beats) if !(1..=STEP_MAX).contains(&beats) => Some(ReplayRefusal::Step(beats)),
            ReplayCommand::Seek(asked) => self.out_of_range(asked),
            _ => None,
        };
        if let Some(refusal) = refused {
            // Whoever asked may have gone.
            let _ = reply.send(Err(refusal));
            return;
        }
        match command {
            ReplayCommand::Speed(speed) => self.set_speed(speed),
            ReplayCommand::Pause => self.pause(),
            ReplayCommand::Resume => self.status.state = ReplayState::Playing,
            ReplayCommand::Step(beats) => {
                self.pause();
                self.stepping = Some((beats, reply));
                return;
            }
            ReplayCommand::Seek(to) => return self.seek(to, reply),
        }
        self.answer(reply);
    }

    fn set_speed(&mut self, speed: Speed) {
        self.status.speed = speed;
        self.pace.set_speed(speed, now());
    }

    fn out_of_range(&self, asked: Ts) -> Option<ReplayRefusal> {
        let (first, last) = (self.plan.start(), self.plan.last());
        let is_in = (first..=beat_of(last)).contains(&asked);
        (!is_in).then_some(ReplayRefusal::OutOfRange { asked, first, last })
    }

    fn seek(&mut self, to: Ts, reply: Reply) {
        let at = beat_before(to).max(self.plan.start());
        let has_ended = self.status.state == ReplayState::Ended;
        let is_there = at == self.status.position && self.passed > 0;
        if is_there && !has_ended && self.seeking.is_none() {
            return self.answer(reply);
        }
        if let Some(before) = self.seeking.replace(reply) {
            self.answer(before);
        }
        self.begin(Some(at));
        self.pace.restart();
        if at < self.status.position {
            self.renewal = Some(self.next_epoch(at));
        }
        if has_ended {
            self.status.state = if self.ended_paused {
                ReplayState::Paused
            } else {
                ReplayState::Playing
            };
        }
    }

    fn pause(&mut self) {
        self.status.state = ReplayState::Paused;
        self.pace.stop(now());
    }
}
