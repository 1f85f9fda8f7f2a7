//! What the venue answers to requests.

use super::super::parse::{Answer, Heard};
use super::messages::{Head, SubscriptionsEvent};
use super::parser::{Parsed, Parser, events};
use super::{CHANNELS, LEVEL2, refusal};

impl Parser {
    /// Each of these messages names all channels in force, not only the one that was asked for last.
    pub(super) fn subscriptions(&mut self, head: &Head<'_>) -> Parsed {
        let events: Vec<SubscriptionsEvent> = events("subscriptions", head)?;
        let channels = events.into_iter().flat_map(|event| event.subscriptions.into_keys());
        let mut answers: Vec<Answer> = channels.map(|key| Answer { key, refused: None }).collect();
        if answers.is_empty()
            && let Some((channel, _)) = CHANNELS
                .iter()
                .zip(&self.is_answered)
                .find(|(_, is_answered)| !**is_answered)
        {
            // So the venue answers where it knows none of the products.
            let refused = Some("it names no product that the venue knows".to_owned());
            answers.push(Answer {
                key: channel.to_string(),
                refused,
            });
        }
        for (channel, is_answered) in CHANNELS.iter().zip(&mut self.is_answered) {
            *is_answered |= answers.iter().any(|answer| answer.key == *channel);
        }
        Ok(self.passed_over(Heard::Answers(answers)))
    }

    /// An error does not say what it answers: it is the first channel without an answer, as answers come in order. Once
    /// all have one, only books are asked for.
    pub(super) fn refusal(&mut self, head: &Head<'_>, frame: &[u8]) -> Heard {
        self.tally.notice("error", frame);
        let mut channels = CHANNELS.iter().zip(&mut self.is_answered);
        let key = match channels.find(|(_, is_answered)| !**is_answered) {
            Some((channel, is_answered)) => {
                *is_answered = true;
                channel
            }
            None => LEVEL2,
        };
        self.passed_over(Heard::Answers(vec![Answer {
            key: key.to_string(),
            refused: Some(refusal(head.message.as_deref(), head.reason.as_deref())),
        }]))
    }
}
