//! The document at `/v1/openapi.json` and the running server say the same.

mod support;

use std::ffi::OsStr;
use std::path::Path;
use std::process::{Command, Stdio};

use support::process::Process;
use support::server::Server;
use support::{captures, python, skipped};

const METHODS: [&str; 6] = ["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"];

#[test]
fn a_method_is_refused_where_the_document_does_not_have_it_and_nowhere_else() {
    let server = Server::quiet(&[]);
    let document = server.json("/v1/openapi.json");
    let paths = document["paths"].as_object().expect("paths");
    assert!(paths.len() > 10);
    for (path, item) in paths {
        for method in METHODS {
            let is_described = item.get(method.to_lowercase()).is_some();
            // The stream never ends; that it is there shows in how it is refused.
            let answer = server.ask(method, path, &[]);
            assert_eq!(answer.status != 405, is_described, "{method} {path}");
            let said: Vec<&str> = answer.header("allow").unwrap_or_default().split(", ").collect();
            let is_said = |m: &str| said.contains(&m) == item.get(m.to_lowercase()).is_some();
            assert!(
                is_described || METHODS.iter().all(|m| is_said(m)),
                "{method} {path}: {said:?}"
            );
        }
    }
}

/// Hundreds of requests made up from the document, good and bad, each answer checked against it.
fn check(python: &OsStr, server: &Server) {
    let hooks = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/support/schemathesis_hooks.py");
    let output = Command::new(python)
        .args([
            "-m",
            "schemathesis.cli",
            "run",
            &format!("{}/v1/openapi.json", server.url()),
        ])
        // A text of the right type may still be no symbol, so good requests may be refused.
        .args([
            "--exclude-path",
            "/v1/events",
            "--checks",
            "all",
            "--exclude-checks",
            "positive_data_acceptance",
        ])
        .args([
            "--max-examples",
            "40",
            "--seed",
            "1",
            "--request-timeout",
            "60",
            "--no-color",
        ])
        .env("SCHEMATHESIS_HOOKS", hooks)
        .current_dir(server.process.directory())
        .stdin(Stdio::null())
        .output()
        .expect("python runs");
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(
        output.status.success(),
        "{said}\n{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let tested = said.lines().find(|line| line.contains("generated"));
    eprintln!("{}", tested.expect("how many it made"));
    assert_eq!(server.get("/healthz").status, 200);
}

#[test]
fn schemathesis_finds_nothing() {
    let Some(python) = python::with("schemathesis") else {
        return skipped("python3 with the package schemathesis is not there");
    };
    let server = Server::start(&["--feed", "synthetic?symbols=5&rate=100", "--allow-control"]);
    server.until_instruments(5);
    check(&python, &server);
    // Where `/v1/replay` has something to say.
    let demo = captures::demo();
    let demo = demo.to_str().expect("UTF-8");
    let args = ["replay", demo, "--loop", "--allow-control", "--listen", "127.0.0.1:0"];
    check(&python, &Server::of_process(Process::spawn(&args)));
}
