//! What is said between rooms that never meet, and the channels by which it is said: the server asks feeds, feeds tell the
//! engine.

mod fault;
mod inflow;
mod push;
mod replay;

pub use fault::{Fault, FaultError, span};
pub use inflow::Inflow;
pub use push::{LINE_BYTES_MAX, Push, PushOutcome, REJECTED_MAX, RejectedLine, push_channel};
pub use replay::{
    ReplayAsk, ReplayCommand, ReplayDesk, ReplayRefusal, ReplayRemote, ReplayState, ReplayStatus, STEP_MAX, Speed,
    replay_remote,
};
