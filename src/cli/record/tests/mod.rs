//! Recordings of feeds that do as they are told.

mod raw;
mod tape;

use super::*;

/// A path of which no file is there, in a folder of its own.
fn path(name: &str) -> PathBuf {
    let folder = std::env::temp_dir().join(format!("tickwire-record-{}-{name}", std::process::id()));
    let _ = std::fs::remove_dir_all(&folder);
    std::fs::create_dir_all(&folder).expect("a folder for the test");
    folder.join(name)
}

fn clean_up(path: &std::path::Path) {
    let _ = std::fs::remove_dir_all(path.parent().expect("its folder"));
}

/// Nothing from outside ends it.
fn without_end() -> Until {
    Until {
        limit: None,
        stop: CancellationToken::new(),
    }
}
