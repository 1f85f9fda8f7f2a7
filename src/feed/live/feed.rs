//! A venue's connection as a feed: each run is a session of its own.

use super::super::{Batch, Feed, Outlet, Run, Told};
use super::connection::Connection;
use super::session::Session;
use crate::market::{VenueName, VenueState};

/// One of the feeds of a venue.
pub(super) struct LiveFeed {
    venues: [VenueName; 1],
    connection: Connection,
}

impl LiveFeed {
    pub(super) fn new(connection: Connection) -> LiveFeed {
        LiveFeed {
            venues: [connection.desk.venue.clone()],
            connection,
        }
    }
}

impl Feed for LiveFeed {
    fn venues(&self) -> &[VenueName] {
        &self.venues
    }

    fn run<'a>(&'a mut self, out: &'a Outlet) -> Run<'a> {
        Box::pin(async move {
            let connection = &mut self.connection;
            connection.desk.introduce(out).await?;
            let rules = connection.dialect.rules();
            let plans = connection.dialect.sockets();
            let links = connection.open(plans, rules, 0).await?;
            let session = Session::new(connection, links, rules, out);
            session.run().await.map(|never| match never {})
        })
    }

    fn down<'a>(&'a mut self, reason: String, out: &'a Outlet) -> Told<'a> {
        Box::pin(async move {
            let Connection {
                desk, number, watch, ..
            } = &mut self.connection;
            let mut batch = Batch::new();
            watch.lost(&mut batch);
            out.send(batch).await?;
            desk.tell(*number, VenueState::Down, reason, out).await
        })
    }
}
