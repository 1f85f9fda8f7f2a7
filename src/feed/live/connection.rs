//! One connection to a venue: what of it outlives a run, and how its sockets are opened.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use metrics::Histogram;

use super::super::error::Lost;
use super::super::watch::Watch;
use super::desk::Desk;
use super::link::Link;
use super::requests::Requests;
use super::socket::Endpoint;
use super::{Dialect, Rules, SocketPlan};
use crate::monitor::names;
use crate::tape::FrameTap;

/// The next sockets, being opened.
pub(super) type Opening = Pin<Box<dyn Future<Output = Result<Vec<Link>, Lost>> + Send>>;

/// One of a venue's connections, with its number among them.
pub(super) struct Connection {
    pub(super) number: usize,
    pub(super) dialect: Box<dyn Dialect>,
    endpoint: Endpoint,
    silence: Duration,
    pub(super) desk: Arc<Desk>,
    /// Where frames are recorded.
    pub(super) tap: Option<FrameTap>,
    pub(super) watch: Watch,
    pub(super) lag: Histogram,
    pub(super) hop: Histogram,
    pub(super) random: fastrand::Rng,
}

impl Connection {
    pub(super) fn new(
        number: usize,
        dialect: Box<dyn Dialect>,
        endpoint: Endpoint,
        silence: Duration,
        desk: Arc<Desk>,
        tap: Option<FrameTap>,
    ) -> Connection {
        let venue = desk.venue.clone();
        Connection {
            number,
            dialect,
            endpoint,
            silence,
            watch: Watch::new(silence),
            lag: metrics::histogram!(names::VENUE_LAG_SECONDS, "venue" => venue.as_str().to_owned()),
            hop: metrics::histogram!(names::HOP_SECONDS, "hop" => "feed"),
            desk,
            tap,
            random: fastrand::Rng::new(),
        }
    }
}

impl Connection {
    /// Opens the sockets of a plan, each in a moment in which the venue may be connected to.
    pub(super) fn open(&self, plans: Vec<SocketPlan>, rules: Rules, generation: u32) -> Opening {
        let (desk, endpoint, silence) = (self.desk.clone(), self.endpoint.clone(), self.silence);
        Box::pin(async move {
            let mut links = Vec::new();
            for plan in plans {
                tokio::time::sleep_until(desk.connect_slot()).await;
                metrics::counter!(names::FEED_CONNECTS, "venue" => desk.venue.as_str().to_owned()).increment(1);
                let opened = endpoint.open(&plan.path).await;
                if let Err(Lost::Refused {
                    retry_after: Some(wait),
                    ..
                }) = &opened
                {
                    desk.hold(*wait);
                }
                let socket = opened?;
                let requests = Requests::new(rules.request_spacing, plan.requests);
                links.push(Link::new(socket, requests, silence, desk.now(), generation));
            }
            Ok(links)
        })
    }
}
