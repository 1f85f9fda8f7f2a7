//! Runs what is written in JavaScript: the tests in `tests/js`, by Node.js, against the real binary.

use std::path::{Path, PathBuf};
use std::process::Command;

use super::skipped;

/// Debian's; the tests name it too.
const CHROMIUM: &str = "/usr/bin/chromium";

/// A file's tests may take so long, all together.
const LIMIT_MS: &str = "240000";

/// Where the JavaScript tests are.
fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/js")
}

/// Runs test files; says that they were skipped where a tool is missing.
pub(crate) fn tests(files: &[&str]) {
    if is_ready() {
        let timeout = format!("--test-timeout={LIMIT_MS}");
        node(&[&["--test", &timeout], files].concat());
    }
}

/// The same for tests that open pages.
pub(crate) fn page_tests(files: &[&str]) {
    let chromium = std::env::var("TICKWIRE_CHROMIUM").unwrap_or_else(|_| CHROMIUM.to_owned());
    if Path::new(&chromium).exists() {
        tests(files);
    } else {
        skipped(&format!("there is no {chromium}: tests that open pages need it"));
    }
}

/// Checks the types by TypeScript's compiler: as a page sees them, and as a program in Node.js does.
pub(crate) fn types() {
    if is_ready() {
        for config in ["tsconfig.json", "tsconfig.node.json"] {
            node(&["node_modules/typescript/bin/tsc", "-p", config]);
        }
    }
}

fn is_ready() -> bool {
    if Command::new("node").arg("--version").output().is_err() {
        skipped("there is no node: the JavaScript tests need Node.js 20");
        return false;
    }
    let is_installed = folder().join("node_modules/playwright-core").exists();
    if !is_installed {
        skipped("`npm ci` was not run in tests/js: the JavaScript tests need what it installs");
    }
    is_installed
}

fn node(args: &[&str]) {
    eprintln!("running node {args:?}");
    let mut command = Command::new("node");
    command.args(args).current_dir(folder());
    command.env("TICKWIRE_BIN", env!("CARGO_BIN_EXE_tickwire"));
    let output = command.output().expect("node starts");
    let (out, err) = (
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr),
    );
    eprintln!("{out}{err}");
    assert!(output.status.success(), "node ended with {}", output.status);
}
