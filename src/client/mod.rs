//! The Rust subscriber: connects, keeps a local view, checks the seq rules, comes back and resumes.
//!
//! The way of a message: `connection` (bytes) → `session` (decisions) → `view` (`interest`, `table`, `ticker`) →
//! `shared` → the program, as a stream of [`Notice`]s and the [`View`] itself. `view`, `session` and `end` are
//! pure. Knows nothing of the server's inside.
//!
//! ```no_run
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! use tickwire::client::{Notice, Options, Subscriber};
//! use tokio_stream::StreamExt;
//!
//! let mut subscriber = Subscriber::new(Options::new("http://127.0.0.1:7070")?);
//! subscriber.subscribe(["binance:*"]).await?;
//! while let Some(notice) = subscriber.next().await {
//!     if let Notice::Changed(changed) = notice {
//!         let view = subscriber.view();
//!         for ticker in changed.symbols.iter().filter_map(|s| view.get(s.as_str())) {
//!             println!("{} {:?}", ticker.symbol(), ticker.row().values);
//!         }
//!     }
//! }
//! # Ok(()) }
//! ```

mod connection;
mod end;
mod interest;
mod limits;
mod notice;
mod options;
mod session;
mod shared;
mod subscriber;
mod table;
#[cfg(test)]
mod tests;
mod ticker;
mod view;

pub use end::{ComeBack, Disconnect};
pub use limits::{MESSAGE_BYTES_MAX, SUBSCRIBE_BYTES_MAX, reason};
pub use notice::{Changed, Notice};
pub use options::{Options, OptionsError};
pub use shared::ViewGuard;
pub use subscriber::{Subscriber, SubscriberError};
pub use table::{Breach, Changes, VenueStatus};
pub use ticker::{Number, Row, Ticker};
pub use view::{Outcome, View};
