//! The effective settings as a configuration file, each with where it comes from.

use std::path::Path;
use std::time::Duration;

use clap::ArgMatches;
use serde_json::Value;

use super::super::auth::AuthSettings;
use super::super::settings::Settings;
use super::located::{Located, Source};
use crate::market::SymbolPattern;

/// Columns before a source.
const WIDTH: usize = 40;

/// All settings, as `tickwire.toml` takes them. What is not set stands behind a `#`.
pub(super) fn shown(settings: &Settings, located: &Located, matches: &ArgMatches) -> String {
    let mut text = String::new();
    for (table, rows) in tables(settings, located, matches) {
        text += &format!("[{table}]\n");
        for (key, value) in rows {
            let source = located.source(matches, table, key);
            text += &match value {
                Some(value) => line(&format!("{key} = {value}"), &source),
                None => format!("# {key} is not set\n"),
            };
        }
        text += "\n";
    }
    for (table, rows) in settings.auth.as_ref().map(auth_tables).unwrap_or_default() {
        text += &format!("[{}]\n", head(&table));
        for (key, value) in rows {
            text += &match value {
                Some(value) => line(&format!("{key} = {value}"), &located.in_file(&table, key)),
                None => format!("# {key} is not set\n"),
            };
        }
        text += "\n";
    }
    for (at, spec) in settings.feeds.iter().enumerate() {
        let spec = Value::from(without_secrets(spec));
        text += &format!(
            "[[feed]]\n{}",
            line(&format!("spec = {spec}"), &located.feed(matches, at))
        );
    }
    text
}

/// A table's name; a part that is not plain is quoted, as TOML has it.
fn head(table: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "-_".contains(c);
    match table.split_once('.') {
        Some((kind, name)) if !name.chars().all(is_plain) || name.is_empty() => format!("{kind}.{}", Value::from(name)),
        _ => table.to_owned(),
    }
}

fn line(setting: &str, source: &Source) -> String {
    format!("{setting:<WIDTH$} # {source}\n")
}

type Rows = Vec<(&'static str, Option<Value>)>;

fn tables(settings: &Settings, located: &Located, matches: &ArgMatches) -> [(&'static str, Rows); 4] {
    let text = |text: &dyn ToString| Some(Value::from(text.to_string()));
    let ms = |span: Duration| Some(Value::from(span.as_millis() as u64));
    let path = |path: &Path| Some(Value::from(path.display().to_string()));
    let number = |number: usize| Some(Value::from(number));
    let (tls, record, server) = (settings.tls.as_ref(), settings.record.as_ref(), &settings.server);
    let clients = tls.and_then(|files| files.clients.as_ref());
    let server_rows = vec![
        ("listen", text(&settings.listen)),
        ("shards", number(settings.shards)),
        ("cores", settings.cores.as_ref().and_then(|cores| text(cores))),
        ("io_uring", Some(settings.io_uring.into())),
        ("tls_cert", tls.and_then(|files| path(&files.cert))),
        ("tls_key", tls.and_then(|files| path(&files.key))),
        ("tls_client_ca", clients.and_then(|files| path(&files.ca))),
        ("tls_client_crl", clients.and_then(|files| path(files.crl.as_deref()?))),
        ("allow_control", Some(settings.allow_control.into())),
        ("insecure", Some(settings.is_insecure.into())),
        ("state", settings.state.as_deref().and_then(path)),
        (
            "allowed_origins",
            Some(located.texts(matches, "server", "allowed_origins").into()),
        ),
        (
            "trusted_proxies",
            Some(located.texts(matches, "server", "trusted_proxies").into()),
        ),
        ("proxy_header", text(&server.limits.trusted_proxies.header.word())),
    ];
    let peers = &server.limits;
    let bound = |most: u32| number(most as usize);
    let limits = vec![
        ("max_connections", number(server.connections_max)),
        ("max_connections_per_address", bound(peers.connections_per_address.most)),
        ("max_handshakes_per_second", bound(peers.handshakes_per_second.most)),
        ("handshake_ms", ms(peers.handshake)),
        ("max_header_bytes", number(peers.header_bytes_max)),
        ("max_messages_per_second", bound(peers.rates.messages)),
        ("max_symbols_per_second", bound(peers.rates.symbols)),
        ("max_symbols", number(settings.symbols_max)),
        ("max_instruments", number(settings.instruments_max)),
        ("max_message_bytes", number(server.message_bytes_max)),
        ("frame_bytes_max", number(settings.frame_bytes_max)),
        ("slow_consumer_ms", ms(settings.slow_consumer)),
        ("heartbeat_ms", ms(settings.heartbeat)),
        ("ping_ms", ms(server.ping_interval)),
    ];
    let rotation = record.map(|(_, rotation)| rotation);
    let bytes = rotation.and_then(|rotation| rotation.file_bytes_max);
    let seconds = rotation.and_then(|rotation| rotation.span_max);
    let record = vec![
        ("file", record.and_then(|(file, _)| path(file))),
        ("rotate_bytes", bytes.map(Value::from)),
        ("rotate_seconds", seconds.map(|span| span.as_secs().into())),
    ];
    let log = vec![
        ("level", text(&settings.log_level.to_string().to_lowercase())),
        ("format", text(&settings.log_format.word())),
    ];
    [
        ("server", server_rows),
        ("limits", limits),
        ("record", record),
        ("log", log),
    ]
}

/// Whom to believe, and what then: names of files, and nothing that stands in them.
fn auth_tables(auth: &AuthSettings) -> Vec<(String, Rows)> {
    let path = |path: &Path| Value::from(path.display().to_string());
    let text = |text: &String| Value::from(text.as_str());
    let jwt = auth.jwt.as_ref();
    let rows = vec![
        ("tokens", auth.tokens.as_deref().map(path)),
        ("jwt_keys", jwt.map(|jwt| path(&jwt.keys))),
        ("jwt_audience", jwt.map(|jwt| text(&jwt.audience))),
        ("jwt_issuer", jwt.and_then(|jwt| jwt.issuer.as_ref()).map(text)),
        ("certificates", auth.certificates.as_deref().map(path)),
        ("anonymous", auth.anonymous.as_ref().map(text)),
    ];
    let tables = auth.entitlements.all().map(|entitlement| {
        let patterns = entitlement.rights.patterns().unwrap_or_default();
        let symbols: Vec<&str> = patterns.iter().map(SymbolPattern::as_str).collect();
        let (least, most) = entitlement.interval_ms.clone().into_inner();
        let rows = vec![
            // With what `statistics` adds to them.
            ("symbols", Some(symbols.into())),
            ("max_symbols", entitlement.symbols_max.map(Value::from)),
            ("max_connections", entitlement.connections_max.map(Value::from)),
            ("min_interval_ms", Some(least.into())),
            ("max_interval_ms", Some(most.into())),
            ("publish", Some(entitlement.may_publish.into())),
            ("control_replay", Some(entitlement.may_replay.into())),
            ("statistics", Some(entitlement.may_read_statistics.into())),
        ];
        (format!("entitlement.{}", entitlement.name), rows)
    });
    std::iter::once(("auth".to_owned(), rows)).chain(tables).collect()
}

/// A feed without the user and password of its address.
fn without_secrets(spec: &str) -> String {
    let Some((scheme, rest)) = spec.split_once("://") else {
        return spec.to_owned();
    };
    let end = rest.find(['/', '?', '&']).unwrap_or(rest.len());
    let (authority, behind) = rest.split_at(end);
    let host = ["@", "%40"].iter().find_map(|at| Some(authority.rsplit_once(at)?.1));
    match host {
        Some(host) => format!("{scheme}://***@{host}{behind}"),
        None => spec.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn users_and_passwords_of_addresses_are_not_shown() {
        for (spec, shown) in [
            (
                "binance:A?url=wss://me:secret@h:9/x&venue=v",
                "binance:A?url=wss://***@h:9/x&venue=v",
            ),
            ("binance:A?url=wss://me:secret%40h", "binance:A?url=wss://***@h"),
            ("ndjson:tcp://127.0.0.1:9", "ndjson:tcp://127.0.0.1:9"),
            ("replay:a@b.tape", "replay:a@b.tape"),
        ] {
            assert_eq!(without_secrets(spec), shown);
        }
    }
}
