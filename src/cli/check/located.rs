//! Where each setting comes from.

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};

use clap::ArgMatches;
use clap::parser::ValueSource;
use serde::Deserialize;
use toml::{Spanned, Value};

use super::super::settings::FEED_ENV;

/// A configuration file, each of its values with its place.
#[derive(Debug, Default)]
pub(super) struct Located {
    path: PathBuf,
    text: String,
    tables: Tables,
}

#[derive(Debug, Default, Deserialize)]
struct Tables {
    #[serde(default)]
    server: Table,
    #[serde(default)]
    limits: Table,
    #[serde(default)]
    record: Table,
    #[serde(default)]
    log: Table,
    #[serde(default)]
    auth: Table,
    #[serde(default)]
    entitlement: BTreeMap<String, Table>,
    #[serde(default)]
    feed: Vec<Table>,
}

type Table = BTreeMap<String, Spanned<Value>>;

/// Where a setting comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Source {
    Flag(String),
    Environment(String),
    File { path: PathBuf, line: usize, key: String },
    Default,
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Source::Flag(flag) => write!(f, "flag --{flag}"),
            Source::Environment(name) => write!(f, "environment {name}"),
            Source::File { path, line, key } => write!(f, "file {}, line {line}, {key}", path.display()),
            Source::Default => f.write_str("default"),
        }
    }
}

impl Located {
    /// Reads a file that was read well before; of one that has changed since, nothing.
    pub(super) fn read(path: &Path) -> Located {
        let text = std::fs::read_to_string(path).unwrap_or_default();
        Located {
            path: path.to_owned(),
            tables: toml::from_str(&text).unwrap_or_default(),
            text,
        }
    }

    /// Where a key's value comes from.
    pub(super) fn source(&self, matches: &ArgMatches, table: &str, key: &str) -> Source {
        let flag = flag(table, key);
        match matches.value_source(&flag) {
            Some(ValueSource::CommandLine) => Source::Flag(flag.replace('_', "-")),
            Some(ValueSource::EnvVariable) => Source::Environment(format!("TICKWIRE_{}", flag.to_uppercase())),
            _ => self.in_file(table, key),
        }
    }

    /// Where a key's value comes from that can stand in the file alone.
    pub(super) fn in_file(&self, table: &str, key: &str) -> Source {
        self.at(self.value(table, key), &format!("`{key}` in [{table}]"))
    }

    /// Where a feed comes from.
    pub(super) fn feed(&self, matches: &ArgMatches, at: usize) -> Source {
        if matches.value_source("feed") == Some(ValueSource::CommandLine) {
            return Source::Flag("feed".to_owned());
        }
        if std::env::var(FEED_ENV).is_ok_and(|feeds| !feeds.trim().is_empty()) {
            return Source::Environment(FEED_ENV.to_owned());
        }
        let spec = self.tables.feed.get(at).and_then(|feed| feed.get("spec"));
        self.at(spec, "`spec` in [[feed]]")
    }

    /// A list of texts as the author has written it.
    pub(super) fn texts(&self, matches: &ArgMatches, table: &str, key: &str) -> Vec<String> {
        let raw = matches.get_raw(&flag(table, key)).into_iter().flatten();
        let raw: Vec<String> = raw
            .flat_map(|text| {
                text.to_string_lossy()
                    .split(',')
                    .map(|t| t.trim().to_owned())
                    .collect::<Vec<_>>()
            })
            .collect();
        if !raw.is_empty() {
            return raw;
        }
        let list = self.value(table, key).and_then(|value| value.get_ref().as_array());
        list.into_iter()
            .flatten()
            .filter_map(Value::as_str)
            .map(str::to_owned)
            .collect()
    }

    fn value(&self, table: &str, key: &str) -> Option<&Spanned<Value>> {
        let Tables {
            server,
            limits,
            record,
            log,
            auth,
            entitlement,
            ..
        } = &self.tables;
        let table = match (table, table.strip_prefix("entitlement.")) {
            (_, Some(name)) => entitlement.get(name)?,
            ("server", _) => server,
            ("limits", _) => limits,
            ("record", _) => record,
            ("auth", _) => auth,
            _ => log,
        };
        table.get(key)
    }

    fn at(&self, value: Option<&Spanned<Value>>, key: &str) -> Source {
        let Some(value) = value else { return Source::Default };
        let before = self.text.get(..value.span().start).unwrap_or_default();
        Source::File {
            path: self.path.clone(),
            line: before.matches('\n').count() + 1,
            key: key.to_owned(),
        }
    }
}

/// The flag of a key, as the command line knows it.
fn flag(table: &str, key: &str) -> String {
    match (table, key) {
        ("record", "file") => "record".to_owned(),
        ("record" | "log", key) => format!("{table}_{key}"),
        (_, key) => key.to_owned(),
    }
}
