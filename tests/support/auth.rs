//! A server that knows who asks: its configuration, tokens, and requests that show them.

use std::io::{Read, Write};
use std::time::Duration;

use super::http::{self, Answer, head};
use super::process::{Process, directory_with, run};
use super::server::Server;

/// A token as `tickwire token` makes it, and its block for the file.
pub(crate) struct Made {
    pub(crate) token: String,
    pub(crate) block: String,
}

/// Has `tickwire token` make one.
pub(crate) fn make(name: &str, entitlement: &str, more: &[&str]) -> Made {
    let ended = run(&[&["token", name, "--entitlement", entitlement], more].concat());
    assert_eq!(ended.code, Some(0), "{}", ended.err);
    let token = ended.err.trim_end().rsplit(' ').next().expect("a token");
    assert!(
        token.starts_with("tickwire_") && !ended.out.contains(token),
        "{}",
        ended.err
    );
    Made {
        token: token.to_owned(),
        block: ended.out,
    }
}

/// A time so far from now, as files have it.
pub(crate) fn in_ms(ms: i64) -> String {
    let now = tickwire::market::Ts::now().0;
    tickwire::market::Ts(now + ms * 1_000_000).to_rfc3339()
}

/// Serves with this configuration, and these files beside it, at the most talkative level.
pub(crate) fn serve(config: &str, files: &[(&str, &str)], args: &[&str]) -> Server {
    Server::of_process(spawn(config, files, args))
}

/// The same, whether or not it comes to serve.
pub(crate) fn spawn(config: &str, files: &[(&str, &str)], args: &[&str]) -> Process {
    let directory = directory_with(("tickwire.toml", config.as_bytes()));
    for (name, content) in files {
        std::fs::write(directory.join(name), content).expect("written");
    }
    let own = ["serve", "--shards", "1", "--log-level", "trace"];
    let listen: &[&str] = if args.contains(&"--listen") {
        &[]
    } else {
        &["--listen", "127.0.0.1:0"]
    };
    Process::spawn_in(directory, &[&own, listen, args].concat(), &[])
}

/// `Authorization` for a token.
pub(crate) fn bearer(token: &str) -> String {
    format!("Bearer {token}")
}

impl Server {
    /// Asks as somebody.
    pub(crate) fn ask_as(&self, token: &str, method: &str, target: &str) -> Answer {
        self.ask(method, target, &[("Authorization", &bearer(token))])
    }

    /// All that an event stream says until it ends, or until there are so many bytes.
    pub(crate) fn events_as(&self, token: &str, query: &str, most: usize) -> String {
        let request = head(
            "GET",
            &format!("/v1/events?{query}"),
            &[("Authorization", &bearer(token))],
        );
        let mut stream = http::connect(self.addr, None);
        stream.write_all(&request).expect("the request is taken");
        let (mut all, mut bytes) = (Vec::new(), [0; 4_096]);
        stream.set_read_timeout(Some(Duration::from_secs(20))).expect("a limit");
        while all.len() < most {
            match stream.read(&mut bytes).expect("a message within the limit") {
                0 => break,
                count => all.extend_from_slice(&bytes[..count]),
            }
        }
        String::from_utf8_lossy(&all).into_owned()
    }
}
