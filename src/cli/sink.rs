//! Where lines go.

use std::io::{self, Stdout, Write};

/// Takes text. Writing blocks where a pipe's reader does, so it is done beside the runtime's threads: a stop is heard
/// meanwhile, and a subscriber conflates.
pub(super) struct Sink<W> {
    /// Absent while it is written to.
    out: Option<W>,
}

impl Sink<Stdout> {
    /// Standard output.
    pub(super) fn stdout() -> Sink<Stdout> {
        Sink::new(io::stdout())
    }
}

impl<W: Write + Send + 'static> Sink<W> {
    pub(super) fn new(out: W) -> Sink<W> {
        Sink { out: Some(out) }
    }

    /// Writes all of it.
    ///
    /// # Errors
    /// The reader has gone, or the disk is full.
    ///
    /// # Cancel safety
    /// What is dropped half-way is written to its end, and nothing after it.
    pub(super) async fn write(&mut self, text: String) -> io::Result<()> {
        let Some(mut out) = self.out.take() else {
            return Ok(());
        };
        let write = move || {
            let written = out.write_all(text.as_bytes()).and_then(|()| out.flush());
            (out, written)
        };
        let (out, written) = tokio::task::spawn_blocking(write).await.map_err(io::Error::other)?;
        self.out = Some(out);
        written
    }
}
