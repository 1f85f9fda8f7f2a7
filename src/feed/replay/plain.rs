//! `replay:PATH`: a recording as a feed beside others, which no one drives.

use std::path::PathBuf;
use std::sync::Arc;

use super::plan::Plan;
use super::player::Player;
use super::{ReplayClock, ReplayFeed};
use crate::control::{ReplayState, ReplayStatus, Speed, replay_remote};
use crate::feed::{Feed, FeedContext, FeedSpec, SpecError};
use crate::market::Ts;
use crate::store::Epoch;

const KEYS: &[&str] = &["speed", "loop", "start", "venue"];

/// Makes the feed `replay:PATH[?speed=..&loop=..&start=..&venue=..]`. Looks into the file.
///
/// # Errors
/// Names the option at fault and what is allowed, or the file and what is wrong with it.
pub(in crate::feed) fn build(spec: &FeedSpec, context: &FeedContext) -> Result<Vec<Box<dyn Feed>>, SpecError> {
    spec.check_keys(KEYS)?;
    let path = spec.target().ok_or_else(|| SpecError::NoTarget {
        kind: spec.kind().into(),
        target: "PATH",
    })?;
    let speed = spec.option("speed", Speed::ORIGINAL, Speed::ALLOWED, Speed::parse)?;
    let is_loop = spec.option("loop", false, "`true` or `false`", |text| text.parse().ok())?;
    let waits = spec.option("start", false, "`now` or `first_subscriber`", |text| match text {
        "now" => Some(false),
        "first_subscriber" => Some(true),
        _ => None,
    })?;
    let plan = Plan {
        labels: Plan::labels(&[PathBuf::from(path)], spec.rename()?.as_ref(), false)?,
        from: None,
        to: None,
        is_loop,
        faults: Vec::new(),
        fault_seed: 0,
        is_plain: true,
    };
    let venues = plan.venues();
    venues.iter().try_for_each(|venue| context.claims.take(venue))?;
    let state = if waits {
        ReplayState::Waiting
    } else {
        ReplayState::Playing
    };
    let (_, desk) = replay_remote(ReplayStatus {
        state,
        speed,
        first: plan.start(),
        last: plan.last(),
        position: plan.start(),
        pass: 1,
        updates: 0,
        epoch: Epoch::fresh(Ts::now(), fastrand::u16(..)),
    });
    let status = desk.status.subscribe();
    let first_subscriber = context.first_subscriber.clone();
    let player = Some(Player::new(
        Arc::new(plan),
        ReplayClock::Wall,
        None,
        desk,
        first_subscriber,
    ));
    Ok(vec![Box::new(ReplayFeed {
        venues,
        clock: ReplayClock::Wall,
        status,
        player,
    })])
}
