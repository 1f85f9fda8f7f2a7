//! Live connections to venues: one shape for all. A venue says in its [`Dialect`] where to connect and what to ask for;
//! connecting, watching and coming back is the same everywhere and stands here.

mod connection;
mod connects;
mod desk;
mod dialect;
mod early;
mod feed;
mod handover;
mod link;
mod requests;
mod resync;
mod session;
mod socket;
mod takeover;
mod target;

use std::sync::Arc;

pub use dialect::{Dialect, Request, Rules, SocketPlan};
pub use target::{KEYS, Target};

use super::{Feed, FeedContext, SpecError};
use connection::Connection;
use desk::Desk;
use feed::LiveFeed;
use socket::Endpoint;

/// Makes the feeds of a venue, one for each connection; together they say one state of it.
///
/// # Errors
/// The certificates that the target names cannot be used.
pub fn feeds(
    target: &Target,
    dialects: Vec<Box<dyn Dialect>>,
    context: &FeedContext,
) -> Result<Vec<Box<dyn Feed>>, SpecError> {
    let endpoint = Endpoint::new(target)?;
    let Some(rules) = dialects.first().map(|dialect| dialect.rules()) else {
        return Ok(Vec::new());
    };
    let desk = Arc::new(Desk::new(target.venue.clone(), &rules, dialects.len()));
    let connection = |(number, dialect)| -> Box<dyn Feed> {
        let (endpoint, tap) = (endpoint.clone(), context.tap.clone());
        Box::new(LiveFeed::new(Connection::new(
            number,
            dialect,
            endpoint,
            target.silence,
            desk.clone(),
            tap,
        )))
    };
    Ok(dialects.into_iter().enumerate().map(connection).collect())
}

#[cfg(test)]
mod tests;
