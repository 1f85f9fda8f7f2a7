//! Files for what is read from the disk.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

/// A file's name that no other check has; the file goes with it.
pub(crate) struct File(PathBuf);

impl File {
    /// A name, and no file yet.
    pub(crate) fn unmade() -> File {
        static FILES: AtomicU64 = AtomicU64::new(0);
        let number = FILES.fetch_add(1, Ordering::Relaxed);
        File(std::env::temp_dir().join(format!("tickwire-check-{}-{number}", std::process::id())))
    }

    /// A file of these bytes.
    pub(crate) fn of(bytes: &[u8]) -> File {
        let file = File::unmade();
        std::fs::write(&file.0, bytes).expect("a file for the check");
        file
    }

    pub(crate) fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for File {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}
