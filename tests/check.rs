//! `tickwire check` and `tickwire completions`.

mod support;

use support::process::{Ended, Process, directory_with, run};

fn check(file: &str, args: &[&str], env: &[(&str, &str)]) -> Ended {
    let directory = directory_with(("my.toml", file.as_bytes()));
    Process::spawn_in(directory, &[&["check", "my.toml"], args].concat(), env).wait()
}

#[test]
fn effective_settings_are_printed_with_where_each_comes_from_and_can_be_read_again() {
    let file = "[limits]\nmax_symbols = 11\n[[feed]]\nspec = \"ndjson:tcp://h:1?venue=a\"\n";
    let ended = check(file, &["--ping-ms", "500"], &[("TICKWIRE_SHARDS", "3")]);
    assert_eq!((ended.code, ended.err.as_str()), (Some(0), ""));
    let has = |setting: &str, source: &str| {
        let mut lines = ended.out.lines();
        let is_it = |line: &str| line.split(" # ").map(str::trim).eq([setting, source]);
        assert!(lines.any(is_it), "{setting} from {source}:\n{}", ended.out);
    };
    has("ping_ms = 500", "flag --ping-ms");
    has("shards = 3", "environment TICKWIRE_SHARDS");
    has("max_symbols = 11", "file my.toml, line 2, `max_symbols` in [limits]");
    has("heartbeat_ms = 1000", "default");
    has(
        "spec = \"ndjson:tcp://h:1?venue=a\"",
        "file my.toml, line 4, `spec` in [[feed]]",
    );
    let again = check(&ended.out, &[], &[]);
    let settings = |text: &str| -> Vec<String> {
        let lines = text
            .lines()
            .map(|line| line.split(" # ").next().unwrap_or_default().trim().to_owned());
        lines.collect()
    };
    assert_eq!((again.code, settings(&again.out)), (Some(0), settings(&ended.out)));
}

#[test]
fn who_may_come_in_is_printed_without_any_secret_and_can_be_read_again() {
    let token = run(&["token", "alice", "--entitlement", "p r o"]);
    let config = "[auth]\ntokens = \"tokens.toml\"\nanonymous = \"public\"\n[entitlement.public]\nsymbols = [\"a:*\"]\n\
                  [entitlement.\"p r o\"]\nmax_symbols = 7\nstatistics = true\n";
    let check = |config: &str| {
        let directory = directory_with(("my.toml", config.as_bytes()));
        std::fs::write(directory.join("tokens.toml"), &token.out).expect("written");
        Process::spawn_in(directory, &["check", "my.toml", "--listen", "0.0.0.0:0"], &[]).wait()
    };
    let ended = check(config);
    assert_eq!((ended.code, ended.err.as_str()), (Some(0), ""));
    for line in [
        "[auth]",
        "tokens = \"tokens.toml\"",
        "# jwt_keys is not set",
        "anonymous = \"public\"",
        "my.toml, line 3, `anonymous` in [auth]",
        "[entitlement.\"p r o\"]",
        "symbols = [\"$stats:*\",\"*\"]",
        "max_symbols = 7",
        "my.toml, line 7, `max_symbols` in [entitlement.p r o]",
        "statistics = true",
        "publish = false",
    ] {
        assert!(ended.out.contains(line), "{line}:\n{}", ended.out);
    }
    assert!(
        !ended.out.contains("sha256") && !ended.out.contains("tickwire_"),
        "{}",
        ended.out
    );
    let again = check(&ended.out);
    assert_eq!((again.code, again.err.as_str()), (Some(0), ""));
    let exposed = check(&config.replace("tokens = \"tokens.toml\"", ""));
    assert_eq!(exposed.code, Some(2));
    assert!(
        exposed.err.contains("flag --listen: `0.0.0.0:0`") && exposed.err.contains("--insecure"),
        "{}",
        exposed.err
    );
    let unknown = check(&config.replace("p r o", "basic"));
    let place = "my.toml, line 2, `tokens` in [auth]: `tokens.toml`: line 5: there is no entitlement `p r o`";
    assert!(
        unknown.code == Some(2) && unknown.err.contains(place),
        "{}",
        unknown.err
    );
}

#[test]
fn what_serve_would_refuse_is_named_with_its_place_and_what_is_allowed() {
    for (file, args, code, parts) in [
        (
            "[[feed]]\nspec = \"nasdaq:A\"\n",
            &[][..],
            2,
            &[
                "my.toml, line 2, `spec` in [[feed]]",
                "`nasdaq`",
                "allowed are `synthetic`",
            ][..],
        ),
        (
            "[limits]\nping_ms = 1\n",
            &[],
            2,
            &["my.toml", "line 2", "ping_ms", "from 100 to 600000"],
        ),
        ("", &["--listen", "here"], 2, &["flag --listen", "`here`"]),
        (
            "[server]\n\ntls_cert = \"no.pem\"\ntls_key = \"no.key\"\n",
            &[],
            1,
            &["my.toml, line 3, `tls_cert` in [server]", "`no.pem` cannot be read"],
        ),
        (
            "[record]\nfile = \"my.toml\"\n",
            &[],
            1,
            &["line 2, `file` in [record]", "never overwritten"],
        ),
    ] {
        let ended = check(file, args, &[]);
        assert_eq!((ended.code, ended.out.as_str()), (Some(code), ""), "{}", ended.err);
        assert!(
            parts.iter().all(|part| ended.err.contains(part)),
            "{parts:?} in {}",
            ended.err
        );
    }
}

#[test]
fn each_shell_gets_a_script_that_knows_every_command() {
    for shell in ["bash", "zsh", "fish"] {
        let ended = run(&["completions", shell]);
        assert_eq!((ended.code, ended.err.as_str()), (Some(0), ""), "{shell}");
        for word in ["serve", "monitoring", "check", "log-format"] {
            assert!(ended.out.contains(word), "{shell}: {word}");
        }
    }
    assert_eq!(run(&["completions", "ksh"]).code, Some(2));
}
