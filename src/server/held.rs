//! Answers in memory until their readers have taken them: the large ones together have a bound.

use std::sync::Arc;

use axum::body::Bytes;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::bounds::{ANSWERS_KIB_MAX, LARGE_ANSWER_BYTES};
use super::error::ApiError;

/// What large answers may hold, in KiB.
#[derive(Debug)]
pub(super) struct Answers(Arc<Semaphore>);

/// A large answer. What it holds is given back when hyper drops the last piece of it.
struct Held {
    bytes: Vec<u8>,
    _permit: OwnedSemaphorePermit,
}

impl AsRef<[u8]> for Held {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

impl Answers {
    pub(super) fn new() -> Answers {
        Answers(Arc::new(Semaphore::new(ANSWERS_KIB_MAX)))
    }

    /// Holds an answer. One that is larger than all that may be held needs all of it.
    ///
    /// # Errors
    /// Where it is a large one, and too many others have not been taken.
    pub(super) fn hold(&self, bytes: Vec<u8>) -> Result<Bytes, ApiError> {
        if bytes.len() < LARGE_ANSWER_BYTES {
            return Ok(bytes.into());
        }
        let kib = bytes.len().div_ceil(1_024).min(ANSWERS_KIB_MAX);
        let permit = self.0.clone().try_acquire_many_owned(kib as u32);
        let _permit = permit.map_err(|_| ApiError::busy("too many large answers wait for their readers"))?;
        Ok(Bytes::from_owner(Held { bytes, _permit }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn large_answers_have_a_bound_together_and_small_ones_always_a_place() {
        let answers = Answers::new();
        let half = || answers.hold(vec![0; ANSWERS_KIB_MAX * 1_024 / 2]);
        let (first, second) = (half().expect("room"), half().expect("room"));
        assert!(half().is_err() && answers.hold(vec![0; LARGE_ANSWER_BYTES]).is_err());
        assert!(answers.hold(vec![0; LARGE_ANSWER_BYTES - 1]).is_ok());
        // A piece keeps all of it.
        let piece = first.slice(..10);
        drop(first);
        assert!(half().is_err());
        drop(piece);
        assert!(half().is_ok());
        drop(second);
        assert!(
            answers.hold(vec![0; 2 * ANSWERS_KIB_MAX * 1_024]).is_ok(),
            "alone it may be larger than all"
        );
    }
}
