//! Tests of Kraken's parser and dialect. Frames that are made up are made by a book of the tests' own ([`naive`]), so that
//! their checksums are right for reasons that the parser has no part in.

mod book;
mod captures;
mod channels;
mod damage;
mod dialect;
mod naive;
mod standing;

use std::sync::Arc;

use super::super::Batch;
use super::super::parse::{FrameParser, Heard};
use super::Parser;
use crate::market::{Event, Field, Ts, Update, Value, VenueName};

const NAME: &str = "BTC/USD";

fn venue() -> VenueName {
    VenueName::parse("kraken").expect("a venue")
}

/// The parser of a recording.
fn parser() -> Parser {
    Parser::new(venue())
}

/// The parser of a connection on which these were asked for.
fn asked(names: &[&str]) -> Parser {
    Parser::asked(venue(), Arc::new(names.iter().map(ToString::to_string).collect()))
}

/// Feeds frames to a parser and returns all events.
fn events(parser: &mut Parser, frames: &[impl AsRef<str>]) -> Batch {
    let mut out = Batch::new();
    for frame in frames {
        heard(parser, frame.as_ref(), &mut out);
    }
    out
}

/// What a frame was; its events are added.
fn heard(parser: &mut Parser, frame: &str, out: &mut Batch) -> Heard {
    parser
        .frame(frame.as_bytes(), Ts(5), out)
        .unwrap_or_else(|error| panic!("{frame}: {error}"))
}

fn updates(batch: &Batch) -> Vec<&Update> {
    let mut updates = Vec::new();
    for event in batch {
        if let Event::Update(update) = event {
            updates.push(update);
        }
    }
    updates
}

fn value(update: &Update, field: Field) -> Option<String> {
    match update.fields.get(field)? {
        Value::Set(decimal) => Some(decimal.to_string()),
        other => Some(format!("{other:?}")),
    }
}

/// The newest value of a field.
fn newest(batch: &Batch, field: Field) -> Option<String> {
    updates(batch).into_iter().rev().find_map(|update| value(update, field))
}

fn named(update: &Update) -> Vec<&'static str> {
    update.fields.named().iter().map(Field::name).collect()
}

/// Events in short: `update`, `listed 1 8`, `live`, `halted`, `stale checksum`.
fn words(batch: &Batch) -> Vec<String> {
    let word = |event: &Event| match event {
        Event::Update(_) => "update".to_owned(),
        Event::Listed {
            price_decimals,
            size_decimals,
            ..
        } => format!(
            "listed {} {}",
            price_decimals.unwrap_or(99),
            size_decimals.unwrap_or(99)
        ),
        Event::State { state, cause, .. } => match cause {
            None => state.word().to_owned(),
            Some(cause) => format!("{} {}", state.word(), cause.word()),
        },
        other => format!("{other:?}"),
    };
    batch.iter().map(word).collect()
}
