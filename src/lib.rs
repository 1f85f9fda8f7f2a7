//! tickwire: a live market-data ticker feed service.
//!
//! # One idea
//! The store holds, per instrument and field, the newest value and the seq of the beat in which it last
//! changed. *Everything that changed after N* is the snapshot (N = 0), the delta (N = the beat before),
//! the conflated delta of a slow subscriber and the resume of a lost one. Values are absolute.
//!
//! # The way of an update
//! 1. `feed`: a venue's frame is stamped, parsed without floats into [`market::Event`]s, and handed over
//!    in batches on one bounded channel. `tape` reads recordings for it, and makes them.
//! 2. `engine`: every 10 ms drains the channel into the [`store::Writer`], seals what changed into a
//!    [`store::SealedBeat`], encodes each changed instrument once per encoding in use (`wire`), and
//!    publishes the tick to every reader.
//! 3. `fanout`: each shard applies the beat to its own [`store::Table`] and builds one frame for all
//!    subscribers that are alike; many frames go out with one system call where there is io_uring (`fanout::ring`, the
//!    only unsafe code). Who is blocked, behind or new goes its own way.
//! 4. `server`: HTTP and the upgrade; a session reads what its subscriber asks and passes it to its
//!    shard. Plain HTTP, with its long polls and server-sent events, is answered from a table of its own.
//! 5. `client`: the subscriber's side: the view, the seq rules, reconnect and resume. `dashboard/client` is the same in
//!    JavaScript.
//!
//! `state` keeps the store over restarts: one more reader of the ticks, with a table of its own.
//!
//! `cli::serve` wires all of it on one screen.
//!
//! # Rooms and arrows
//! A room may use those named with it and no other; `tests/code_map.rs` reads this table and the code.
//!
//! | room | uses |
//! |---|---|
//! | `auth` | `market` |
//! | `backoff` | |
//! | `market` | |
//! | `control` | `market`, `store` |
//! | `monitor` | |
//! | `store` | `market` |
//! | `trust` | |
//! | `wire` | `market`, `store` |
//! | `tape` | `market`, `monitor`, `store` |
//! | `feed` | `backoff`, `control`, `market`, `monitor`, `store`, `tape`, `trust` |
//! | `engine` | `control`, `market`, `monitor`, `store`, `wire` |
//! | `fanout` | `engine`, `market`, `monitor`, `store`, `wire` |
//! | `dashboard` | |
//! | `server` | `auth`, `control`, `dashboard`, `engine`, `fanout`, `market`, `monitor`, `store`, `wire` |
//! | `client` | `backoff`, `market`, `trust`, `wire` |
//! | `state` | `engine`, `market`, `monitor`, `store`, `tape` |
//! | `cli` | `auth`, `client`, `control`, `engine`, `fanout`, `feed`, `market`, `monitor`, `server`, `state`, `store`, `tape`, `wire` |
//!
//! `feed` and `server` never meet: what the server asks of a feed goes through `control`. `market`, `store` and `wire`
//! know no runtime, no clock and no socket.
//! `trust` says whom a TLS connection outwards believes, for venues and for servers alike.
//! `monitor` holds names and figures only, so it stands beside `market` and every room may count there.
//!
//! # Laws, each with its test
//! 1. **Convergence**: whoever has caught up has the store's values (`store::tests`, `fanout::tests`,
//!    `tests/convergence.rs`).
//! 2. **A subscriber can hurt only itself** (`fanout::tests::slow`, `tests/slow_consumer.rs`, `tests/events.rs`,
//!    `tests/websocket.rs`).
//! 3. **Everything is bounded**: `fanout::bounds`, `server::bounds`, `tape::bounds`, the limits of `wire` decoders.
//! 4. **Nothing is silently wrong**: no float carries a price, what does not fit is counted and clears its
//!    field (`market`, `store::tests`), `tests/convergence.rs` and `tests/venues.rs` compare with the recordings'
//!    own text.
//! 5. **Same tape, same bytes**: on a tape's clock beats end where the tape says and wait for every subscriber (`engine::tape`).
//! 6. **A break in a feed is data**: venue and instrument states are versioned like fields (`feed::watch`,
//!    `feed::live`, `tests/venue_faults.rs`).
//! 7. **A restart hides nothing**: nobody is told that it resumed where something is missing (`state::tests::law`,
//!    `tests/state.rs`).
//! 8. **What a reader may not see is not there** for it, in anything that it is told (`market::Rights`, `fanout::tests::twin`,
//!    `fanout::tests::rights`, `server::table::follow::tests`, `tests/auth.rs`).

pub mod auth;
pub mod backoff;
pub mod cli;
pub mod client;
pub mod control;
pub mod dashboard;
pub mod engine;
pub mod fanout;
pub mod feed;
pub mod market;
pub mod monitor;
pub mod server;
pub mod state;
pub mod store;
pub mod tape;
pub mod trust;
pub mod wire;
