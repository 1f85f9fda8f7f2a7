//! What an operator installs: the unit of systemd and the image.

mod support;

use std::path::{Path, PathBuf};
use std::process::Command;

use support::process::{directory, run};
use support::skipped;

/// Exposure that the unit may have at most, of 100: `systemd-analyze security` calls this "OK" and below.
const EXPOSURE_MAX: &str = "--threshold=15";

fn deploy(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(".deploy").join(name)
}

/// What systemd says of the unit, with this binary in the place of the installed one.
fn analyze(args: &[&str]) {
    let text = std::fs::read_to_string(deploy("tickwire.service")).expect("the unit");
    let installed = "/usr/local/bin/tickwire";
    assert!(text.contains(installed));
    let unit = directory().join("tickwire.service");
    std::fs::write(&unit, text.replace(installed, env!("CARGO_BIN_EXE_tickwire"))).expect("written");
    let output = Command::new("systemd-analyze")
        .args(args)
        .arg(&unit)
        .output()
        .expect("it runs");
    let words = String::from_utf8_lossy(&output.stderr);
    assert!(
        output.status.success(),
        "{words}{}",
        String::from_utf8_lossy(&output.stdout)
    );
    assert!(!words.contains("Unknown"), "{words}");
}

#[test]
fn the_unit_is_understood_and_leaves_little_in_reach() {
    if Command::new("systemd-analyze").arg("--version").output().is_err() {
        return skipped("there is no systemd-analyze");
    }
    analyze(&["verify"]);
    analyze(&["security", "--offline=true", EXPOSURE_MAX]);
}

#[test]
fn the_image_is_built_of_what_is_there_and_starts_the_binary_as_it_understands() {
    let text = std::fs::read_to_string(deploy("Dockerfile")).expect("the file");
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let copies = text.lines().filter_map(|line| line.strip_prefix("COPY "));
    let own: Vec<&str> = copies.filter(|line| !line.starts_with("--from")).collect();
    assert!(!own.is_empty());
    for line in own {
        let (sources, _) = line.rsplit_once(' ').expect("sources and a target");
        for source in sources.split(' ') {
            assert!(root.join(source).exists(), "{source}");
        }
    }
    let command = text
        .lines()
        .find_map(|line| line.strip_prefix("CMD "))
        .expect("a command");
    let args: Vec<String> = serde_json::from_str(command).expect("a list");
    assert_eq!(args[0], "serve");
    // `check` takes what `serve` takes, and starts nothing.
    let mut args: Vec<&str> = args.iter().map(String::as_str).collect();
    args[0] = "check";
    let ended = run(&args);
    assert!(!ended.err.contains("unexpected argument"), "{}", ended.err);
}
