//! How far a long job is, for a person who waits: on a terminal only.

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

/// A line on stderr while it lives; nothing where stderr is no terminal.
pub(in crate::cli) struct Progress(ProgressBar);

impl Progress {
    /// Begins; `bytes` is the whole, where it is known.
    pub(in crate::cli) fn new(bytes: Option<u64>) -> Progress {
        let template = match bytes {
            Some(_) => "{percent:>3} % {wide_bar} {bytes} of {total_bytes}, {bytes_per_sec}, {eta} left",
            None => "{spinner} {human_pos} records, {per_sec}",
        };
        let bar = ProgressBar::with_draw_target(bytes, ProgressDrawTarget::stderr_with_hz(10));
        let style = ProgressStyle::with_template(template).expect("the template is right");
        bar.set_style(style);
        Progress(bar)
    }

    /// So many bytes or records are done.
    pub(in crate::cli) fn at(&self, done: u64) {
        self.0.set_position(done);
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.0.finish_and_clear();
    }
}
