//! Where the real recordings for tests are, where there are any.

use std::io::Write as _;
use std::path::PathBuf;

/// The file in the folder that `TICKWIRE_CAPTURES` names; `None`, said aloud, where it is not there.
pub(super) fn path(file: &str) -> Option<PathBuf> {
    let path = std::env::var_os("TICKWIRE_CAPTURES").map(|folder| PathBuf::from(folder).join(file));
    let found = path.filter(|p| p.exists());
    if found.is_none() {
        let is_strict = std::env::var("TICKWIRE_TEST_STRICT").is_ok_and(|v| v == "1");
        assert!(!is_strict, "{file} is in no folder that TICKWIRE_CAPTURES names");
        // Past the harness, which keeps what passing tests print to itself.
        let _ = writeln!(
            std::io::stderr(),
            "skipped: {file} is in no folder that TICKWIRE_CAPTURES names"
        );
    }
    found
}
