//! The Python that a test may run: `TICKWIRE_PYTHON`, else `python3`.

use std::ffi::OsString;
use std::process::{Command, Stdio};

/// The interpreter, if it has these modules, separated by commas.
pub(crate) fn with(modules: &str) -> Option<OsString> {
    let python = std::env::var_os("TICKWIRE_PYTHON").unwrap_or_else(|| "python3".into());
    let mut command = Command::new(&python);
    command.args(["-c", &format!("import {modules}")]).stdin(Stdio::null());
    let status = command.stdout(Stdio::null()).stderr(Stdio::null()).status();
    status.is_ok_and(|status| status.success()).then_some(python)
}
