//! From sealed beats to sockets: subscribers, who wants what, shared frames, the write path and the rule
//! for slow consumers.
//!
//! A shard owns its subscribers and the writing half of their sockets; nothing else ever writes there.
//! Its decisions are plain methods ([`Shard::turn`], [`Shard::command`]) that run in tests without a
//! thread or a socket; [`Fanout`] gives each shard its thread. Knows no venues.
//!
//! The way of a beat: `deliver` takes it, asks `group` whom it concerns, and builds one frame for all who
//! are alike; `post` gathers frames and writes many with one system call (`outgoing`, `ring`). Groups of longer paces that fall
//! due together share what is encoded (`paced`). Whoever was blocked, behind or new goes its own way in `pump`. What a slow
//! subscriber costs is one partly written frame (`subscriber`) and one seq.

mod allowance;
mod authenticated;
mod bounds;
mod close;
mod command;
mod commands;
mod deliver;
mod fill;
mod group;
mod job;
mod letter;
mod link;
mod lockstep;
mod outgoing;
mod pace;
mod paced;
mod post;
mod pump;
mod renew;
mod resolve;
mod rest;
#[cfg(target_os = "linux")]
mod ring;
#[cfg(not(target_os = "linux"))]
#[path = "no_ring.rs"]
mod ring;
mod run;
mod shard;
mod standing;
mod subscribe;
mod subscriber;
#[cfg(test)]
mod tests;
mod visit;
mod websocket;
mod wheel;

pub use allowance::Allowance;
pub use bounds::{PATTERNS_MAX, WINDOW_MAX};
pub use close::CloseReason;
pub use command::{Command, Join, Request};
pub use commands::goaway;
pub use link::{Link, Socket};
pub use resolve::{resolve, resolve_within};
pub use run::Fanout;
pub use shard::{FanoutConfig, Shard};
pub use standing::Standing;
pub use subscriber::SubscriberId;
pub use websocket::{close, pong};
