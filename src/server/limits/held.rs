//! Answers in memory until their readers have taken them: the large ones together have a bound, and each its time.

use std::convert::Infallible;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Bytes;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot};
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use super::Taken;
use crate::server::bounds::{ANSWERS_KIB_MAX, LARGE_ANSWER_BYTES, TAKEN_A_SECOND_MIN, TAKEN_WITHIN, WRITE_DEADLINE};
use crate::server::error::ApiError;
use crate::server::{App, Peer};

/// What large answers may hold, in KiB.
#[derive(Debug)]
pub(in crate::server) struct Answers(Arc<Semaphore>);

/// A large answer. What it holds is given back when hyper drops the last piece of it.
struct Held {
    bytes: Vec<u8>,
    _permit: OwnedSemaphorePermit,
    _of_address: Taken,
    /// Gone with this, and so whoever waits for it knows that the answer was taken.
    _is_held: oneshot::Sender<Infallible>,
}

impl AsRef<[u8]> for Held {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

impl Answers {
    pub(in crate::server) fn new() -> Answers {
        Answers(Arc::new(Semaphore::new(ANSWERS_KIB_MAX)))
    }

    /// Holds an answer. One that is larger than all that may be held needs all of it. `share` takes so many KiB of what its
    /// address may have; `cut` ends the connection where the answer was not taken in its time.
    ///
    /// # Errors
    /// Where it is a large one, and too many others have not been taken.
    fn hold(
        &self,
        bytes: Vec<u8>,
        share: impl FnOnce(u32) -> Option<Taken>,
        cut: CancellationToken,
    ) -> Result<Bytes, ApiError> {
        if bytes.len() < LARGE_ANSWER_BYTES {
            return Ok(bytes.into());
        }
        let kib = bytes.len().div_ceil(1_024).min(ANSWERS_KIB_MAX);
        let busy = || ApiError::busy("too many large answers wait for their readers");
        let _of_address = share(kib as u32).ok_or_else(busy)?;
        let _permit = self.0.clone().try_acquire_many_owned(kib as u32).map_err(|_| busy())?;
        let time = Duration::from_secs((bytes.len() / TAKEN_A_SECOND_MIN) as u64).min(TAKEN_WITHIN) + WRITE_DEADLINE;
        let (_is_held, taken) = oneshot::channel();
        tokio::spawn(async move {
            if timeout(time, taken).await.is_err() {
                cut.cancel();
            }
        });
        Ok(Bytes::from_owner(Held {
            bytes,
            _permit,
            _of_address,
            _is_held,
        }))
    }
}

impl App {
    /// Holds an answer until its reader has taken it.
    ///
    /// # Errors
    /// Where it is a large one, and too many others have not been taken, of all or of this client's.
    pub(in crate::server) fn hold(
        &self,
        bytes: impl Into<Vec<u8>>,
        client: IpAddr,
        peer: &Peer,
    ) -> Result<Bytes, ApiError> {
        let share = |kib| self.addresses.hold(client, kib, &self.live.config().limits);
        self.answers.hold(bytes.into(), share, peer.cut.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    use crate::server::Addresses;

    #[tokio::test]
    async fn large_answers_have_a_bound_together_and_small_ones_always_a_place() {
        let (answers, addresses) = (Answers::new(), Arc::<Addresses>::default());
        let client = IpAddr::from([127, 0, 0, 1]);
        let hold = |bytes: usize| {
            answers.hold(
                vec![0; bytes],
                |kib| addresses.hold_unbound(client, kib),
                CancellationToken::new(),
            )
        };
        let half = || hold(ANSWERS_KIB_MAX * 1_024 / 2);
        let (first, second) = (half().expect("room"), half().expect("room"));
        assert!(half().is_err() && hold(LARGE_ANSWER_BYTES).is_err());
        assert!(hold(LARGE_ANSWER_BYTES - 1).is_ok());
        // A piece keeps all of it.
        let piece = first.slice(..10);
        drop(first);
        assert!(half().is_err());
        drop(piece);
        assert!(half().is_ok());
        drop(second);
        assert!(
            hold(2 * ANSWERS_KIB_MAX * 1_024).is_ok(),
            "alone it may be larger than all"
        );
    }

    #[tokio::test(start_paused = true)]
    async fn who_takes_a_large_answer_too_slowly_is_let_go_and_nobody_else() {
        let (answers, addresses) = (Answers::new(), Arc::<Addresses>::default());
        let client = IpAddr::from([127, 0, 0, 1]);
        let seconds = 60;
        let hold = || {
            let cut = CancellationToken::new();
            let share = |kib| addresses.hold_unbound(client, kib);
            let held = answers.hold(vec![0; seconds * TAKEN_A_SECOND_MIN], share, cut.clone());
            (held.expect("room"), cut)
        };
        let ((slow, slow_cut), (quick, quick_cut)) = (hold(), hold());
        tokio::time::sleep(Duration::from_secs(seconds as u64)).await;
        drop(quick);
        assert!(!slow_cut.is_cancelled(), "it still has its time");
        tokio::time::sleep(WRITE_DEADLINE + Duration::from_secs(1)).await;
        assert!(slow_cut.is_cancelled() && !quick_cut.is_cancelled());
        drop(slow);
    }
}
