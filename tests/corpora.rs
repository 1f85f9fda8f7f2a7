//! Every file of `fuzz/corpus/` passes the check of its target: what fuzzing found once is not found again.

#[allow(unreachable_pub)] // a crate of its own when it is fuzzed
#[path = "../fuzz/src/lib.rs"]
mod checks;

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// 4 KiB: corpora are read in a review.
const FILE_BYTES_MAX: usize = 4 << 10;

/// More than these are as good as fewer: `fuzz/README.md` says how to choose.
const FILES_MAX: usize = 100;

fn folder(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz").join(name)
}

fn entries(folder: &Path) -> Vec<PathBuf> {
    let listed = fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let mut paths: Vec<PathBuf> = listed.map(|entry| entry.expect("an entry").path()).collect();
    paths.sort();
    paths
}

fn stems(folder: &Path) -> BTreeSet<String> {
    let stem = |path: PathBuf| path.file_stem().map(|stem| stem.to_string_lossy().into_owned());
    entries(folder).into_iter().filter_map(stem).collect()
}

#[test]
fn each_target_has_a_program_and_a_corpus_and_nothing_else_has() {
    let targets: BTreeSet<String> = checks::TARGETS.iter().map(|(name, _)| name.to_string()).collect();
    assert_eq!(stems(&folder("fuzz_targets")), targets);
    assert_eq!(stems(&folder("corpus")), targets);
    let manifest = fs::read_to_string(folder("Cargo.toml")).expect("its manifest");
    for target in &targets {
        assert!(
            manifest.contains(&format!("\nname = \"{target}\"\n")),
            "{target} is no program"
        );
    }
}

#[test]
fn every_file_of_every_corpus_passes_the_check_of_its_target() {
    let mut failed = Vec::new();
    for (target, check) in checks::TARGETS {
        let files = entries(&folder("corpus").join(target));
        assert!(
            (1..=FILES_MAX).contains(&files.len()),
            "{target} has {} files",
            files.len()
        );
        for file in files {
            let input = fs::read(&file).expect("a readable file");
            assert!(input.len() < FILE_BYTES_MAX, "{} is too large", file.display());
            if std::panic::catch_unwind(|| check(&input)).is_err() {
                failed.push(file);
            }
        }
    }
    assert!(failed.is_empty(), "{failed:#?}");
}

/// Inputs made up for each target.
const MADE_UP: usize = 200;

/// One that is near the corpus: pieces of two files, and some other bytes.
fn made_up(files: &[Vec<u8>], random: &mut fastrand::Rng) -> Vec<u8> {
    let mut piece = || {
        let file = &files[random.usize(..files.len())];
        let from = random.usize(..=file.len());
        file[from..random.usize(from..=file.len())].to_vec()
    };
    let mut input = [piece(), piece()].concat();
    // What the first byte chooses stays meaningful.
    let first = &files[random.usize(..files.len())];
    if random.bool() && !first.is_empty() {
        input.insert(0, first[0]);
    }
    for _ in 0..random.usize(..4) {
        let at = random.usize(..=input.len());
        match (random.u32(..3), input.get_mut(at)) {
            (0, Some(byte)) => *byte = random.u8(..),
            (1, Some(_)) => _ = input.remove(at),
            _ => input.insert(at, random.u8(..)),
        }
    }
    input
}

#[test]
fn made_up_inputs_pass_the_checks_too() {
    const SEED: u64 = 20_261_121;
    let mut failed = Vec::new();
    for (target, check) in checks::TARGETS {
        let read = |path: &PathBuf| fs::read(path).expect("a readable file");
        let files: Vec<Vec<u8>> = entries(&folder("corpus").join(target)).iter().map(read).collect();
        let mut random = fastrand::Rng::with_seed(SEED);
        for _ in 0..MADE_UP {
            let input = made_up(&files, &mut random);
            if std::panic::catch_unwind(|| check(&input)).is_err() {
                failed.push((target, String::from_utf8_lossy(&input).into_owned()));
            }
        }
    }
    assert!(failed.is_empty(), "seed {SEED}: {failed:#?}");
}
