//! The words by which a feed is asked for: `KIND[:TARGET][?KEY=VALUE[&KEY=VALUE]...]`.

use std::path::PathBuf;
use std::str::FromStr;

use crate::market::{Ts, VenueName};
use crate::tape::TapeError;

/// A feed as it was asked for; what the options mean is the kind's to say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FeedSpec {
    kind: String,
    target: Option<String>,
    options: Vec<(String, String)>,
}

/// Why a feed cannot be made as asked.
#[derive(Debug, thiserror::Error)]
pub enum SpecError {
    /// There is no kind.
    #[error("feed `{spec}` has no kind: `KIND[:TARGET][?KEY=VALUE[&KEY=VALUE]...]` is expected")]
    NoKind {
        /// The whole text.
        spec: String,
    },
    /// No such kind.
    #[error("unknown feed kind `{kind}`: allowed are {allowed}")]
    UnknownKind {
        /// The kind asked for.
        kind: String,
        /// Those that there are.
        allowed: String,
    },
    /// An option that is not `KEY=VALUE`.
    #[error("feed option `{option}` is not KEY=VALUE")]
    NotKeyValue {
        /// The option.
        option: String,
    },
    /// `%` without two hexadecimal digits, or bytes that are not UTF-8.
    #[error("`{text}` is not percent-encoded UTF-8: `%` stands before two hexadecimal digits, itself written `%25`")]
    Encoding {
        /// The part at fault.
        text: String,
    },
    /// The same option twice.
    #[error("feed option `{key}` is given more than once")]
    Repeated {
        /// The option's key.
        key: String,
    },
    /// An option that this kind does not have.
    #[error("feed kind `{kind}` has no option `{key}`: allowed are {allowed}")]
    UnknownKey {
        /// The kind.
        kind: String,
        /// The option's key.
        key: String,
        /// Those that it has.
        allowed: String,
    },
    /// A value outside what is allowed.
    #[error("feed option `{key}={value}`: {allowed} is allowed")]
    Value {
        /// The option's key.
        key: String,
        /// The value given.
        value: String,
        /// What would be right.
        allowed: String,
    },
    /// A kind that needs a target has none.
    #[error("feed kind `{kind}` needs a target: `{kind}:{target}`")]
    NoTarget {
        /// The kind.
        kind: String,
        /// What the target is.
        target: &'static str,
    },
    /// A kind without target has one.
    #[error("feed kind `{kind}` takes no target, `{target}` was given")]
    Target {
        /// The kind.
        kind: String,
        /// The target given.
        target: String,
    },
    /// An instrument of the target.
    #[error("instrument `{name}`: {why}")]
    Instrument {
        /// As given.
        name: String,
        /// What is wrong with it.
        why: String,
    },
    /// A file that an option names cannot be used.
    #[error("feed option `{key}`: `{}`: {why}", file.display())]
    File {
        /// The option's key.
        key: &'static str,
        /// The file.
        file: PathBuf,
        /// What is wrong with it.
        why: String,
    },
    /// Two feeds would read the same lines.
    #[error("two feeds read standard input: `ndjson:-` is allowed once")]
    StdinTwice,
    /// A file of lines cannot be read.
    #[error("`{}` cannot be read: {source}", file.display())]
    Input {
        /// The file.
        file: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The recording cannot be played.
    #[error(transparent)]
    Tape(#[from] TapeError),
    /// A recording of a venue whose frames are not understood.
    #[error("`{}` is a capture of venue `{venue}`: captures of {supported} can be replayed", file.display())]
    VenueUnsupported {
        /// The file.
        file: PathBuf,
        /// The venue of its first line.
        venue: VenueName,
        /// Those that can.
        supported: String,
    },
    /// One name for several venues.
    #[error("`{}` is of {venues} venues: the option `venue=NAME` renames one alone", file.display())]
    RenameOfMany {
        /// The file.
        file: PathBuf,
        /// How many there are.
        venues: usize,
    },
    /// Two recordings would write the same instruments at the same time.
    #[error("`{}` and `{}` both hold venue `{venue}` at the same time", one.display(), other.display())]
    Overlap {
        /// The venue.
        venue: VenueName,
        /// A file.
        one: PathBuf,
        /// Another one.
        other: PathBuf,
    },
    /// Nothing was recorded between the times asked for.
    #[error("nothing is between these times: the recordings go from {} to {}", first.to_rfc3339(), last.to_rfc3339())]
    Times {
        /// The first time of all.
        first: Ts,
        /// The last.
        last: Ts,
    },
    /// Two feeds would write the same instruments.
    #[error("two feeds bring venue `{venue}`: rename one with the option `venue=NAME`")]
    VenueTwice {
        /// The venue.
        venue: VenueName,
    },
}

impl SpecError {
    /// Whether the specification has to be written otherwise; else a file is at fault.
    pub fn is_usage(&self) -> bool {
        let is_file = matches!(self, SpecError::Tape(_) | SpecError::VenueUnsupported { .. });
        !is_file && !matches!(self, SpecError::Input { .. })
    }
}

impl FeedSpec {
    /// Parses a feed's text; `%XX` is decoded in target and values.
    ///
    /// # Errors
    /// Names the part at fault. Kind, keys and values are checked by [`build`](super::build).
    pub fn parse(text: &str) -> Result<FeedSpec, SpecError> {
        let (head, query) = match text.split_once('?') {
            Some((head, query)) => (head, Some(query)),
            None => (text, None),
        };
        let (kind, target) = match head.split_once(':') {
            Some((kind, target)) => (kind, Some(decode(target)?)),
            None => (head, None),
        };
        if kind.is_empty() {
            return Err(SpecError::NoKind { spec: text.into() });
        }
        let mut options: Vec<(String, String)> = Vec::new();
        for option in query.into_iter().flat_map(|q| q.split('&')) {
            let (key, value) = match option.split_once('=') {
                Some((key, value)) if !key.is_empty() => (key, decode(value)?),
                _ => return Err(SpecError::NotKeyValue { option: option.into() }),
            };
            if options.iter().any(|(k, _)| k == key) {
                return Err(SpecError::Repeated { key: key.into() });
            }
            options.push((key.into(), value));
        }
        Ok(FeedSpec {
            kind: kind.into(),
            target,
            options,
        })
    }

    /// The kind of feed.
    pub fn kind(&self) -> &str {
        &self.kind
    }

    /// What it is to connect to or to read; an empty one is none.
    pub fn target(&self) -> Option<&str> {
        self.target.as_deref().filter(|t| !t.is_empty())
    }

    /// Refuses options that are not among `allowed`.
    pub(super) fn check_keys(&self, allowed: &[&str]) -> Result<(), SpecError> {
        match self.options.iter().find(|(key, _)| !allowed.contains(&key.as_str())) {
            None => Ok(()),
            Some((key, _)) => Err(SpecError::UnknownKey {
                kind: self.kind.clone(),
                key: key.clone(),
                allowed: listed(allowed.iter().copied()),
            }),
        }
    }

    /// Refuses a target.
    pub(super) fn check_no_target(&self) -> Result<(), SpecError> {
        match &self.target {
            None => Ok(()),
            Some(target) => Err(SpecError::Target {
                kind: self.kind.clone(),
                target: target.clone(),
            }),
        }
    }

    /// An option's value as `read` takes it, `default` where it is not given.
    pub(super) fn option<T>(
        &self,
        key: &str,
        default: T,
        allowed: &str,
        read: impl FnOnce(&str) -> Option<T>,
    ) -> Result<T, SpecError> {
        let Some((_, value)) = self.options.iter().find(|(k, _)| k == key) else {
            return Ok(default);
        };
        read(value).ok_or_else(|| SpecError::Value {
            key: key.into(),
            value: value.clone(),
            allowed: allowed.into(),
        })
    }

    /// A whole number in `min..=max`.
    pub(super) fn number<T>(&self, key: &str, default: T, min: T, max: T) -> Result<T, SpecError>
    where
        T: FromStr + PartialOrd + Copy + std::fmt::Display,
    {
        let allowed = format!("a whole number from {min} to {max}");
        self.option(key, default, &allowed, |text| {
            // `parse` alone would take a sign.
            let is_plain = text.bytes().all(|b| b.is_ascii_digit());
            let number = text.parse().ok().filter(|_| is_plain)?;
            (min..=max).contains(&number).then_some(number)
        })
    }

    /// The option `venue` of kinds whose venues are not known before.
    pub(super) fn rename(&self) -> Result<Option<VenueName>, SpecError> {
        let is_given = self.options.iter().any(|(key, _)| key == "venue");
        is_given.then(|| self.venue("")).transpose()
    }

    /// The option `venue`, which every kind has.
    pub(super) fn venue(&self, default: &str) -> Result<VenueName, SpecError> {
        const ALLOWED: &str = "1 to 32 of a-z, 0-9 and `-`";
        let value = self.option("venue", default.to_string(), ALLOWED, |text| Some(text.to_string()))?;
        // `$` is the server's own.
        let name = VenueName::parse(&value).ok().filter(|_| !value.starts_with('$'));
        name.ok_or_else(|| SpecError::Value {
            key: "venue".into(),
            value,
            allowed: ALLOWED.into(),
        })
    }
}

/// `a`, `b`, `c` for a message.
pub(super) fn listed<'a>(words: impl Iterator<Item = &'a str>) -> String {
    words.map(|w| format!("`{w}`")).collect::<Vec<_>>().join(", ")
}

fn decode(text: &str) -> Result<String, SpecError> {
    let wrong = || SpecError::Encoding { text: text.into() };
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&byte, after)) = rest.split_first() {
        if byte != b'%' {
            bytes.push(byte);
            rest = after;
            continue;
        }
        let digit = |at: usize| after.get(at).and_then(|b| char::from(*b).to_digit(16));
        let (high, low) = digit(0).zip(digit(1)).ok_or_else(wrong)?;
        bytes.push((high * 16 + low) as u8);
        rest = &after[2..];
    }
    String::from_utf8(bytes).map_err(|_| wrong())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn kind_target_and_options_are_taken_apart_and_decoded() {
        for (text, kind, target, options) in [
            ("synthetic", "synthetic", None, vec![]),
            ("synthetic?rate=5", "synthetic", None, vec![("rate", "5")]),
            ("replay:/a/b:c.gz", "replay", Some("/a/b:c.gz"), vec![]),
            (
                "replay:a%3Fb%25?venue=x&loop=",
                "replay",
                Some("a?b%"),
                vec![("venue", "x"), ("loop", "")],
            ),
            ("x:%C3%A9?k=%26%3d", "x", Some("é"), vec![("k", "&=")]),
            ("replay:", "replay", None, vec![]),
        ] {
            let spec = FeedSpec::parse(text).expect(text);
            assert_eq!((spec.kind(), spec.target()), (kind, target), "{text}");
            let got: Vec<_> = spec.options.iter().map(|(k, v)| (k.as_str(), v.as_str())).collect();
            assert_eq!(got, options, "{text}");
        }
    }

    #[test]
    fn what_is_no_spec_is_refused_with_the_part_at_fault() {
        for (text, part) in [
            ("", "no kind"),
            (":x", "no kind"),
            ("?a=b", "no kind"),
            ("a?", "``"),
            ("a?b", "`b`"),
            ("a?=b", "`=b`"),
            ("a?b=c&", "``"),
            ("a?b=1&c=2&b=3", "`b`"),
            ("a:%", "`%`"),
            ("a:%4", "`%4`"),
            ("a:%+1", "`%+1`"),
            ("a?b=%zz", "`%zz`"),
            ("a?b=%ff", "`%ff`"),
        ] {
            let error = FeedSpec::parse(text).expect_err(text).to_string();
            assert!(error.contains(part), "{text}: {error}");
        }
    }

    #[test]
    fn options_say_key_value_and_what_is_allowed() {
        let spec = FeedSpec::parse("x?n=11&s=+1&venue=A").expect("a spec");
        let error = spec.number("n", 5u32, 1, 10).expect_err("too large").to_string();
        assert_eq!(error, "feed option `n=11`: a whole number from 1 to 10 is allowed");
        assert!(spec.number("s", 5u32, 1, 10).is_err());
        assert_eq!(spec.number("absent", 5u32, 1, 10).expect("the default"), 5);
        assert!(spec.venue("x").is_err());
        let error = spec.check_keys(&["n", "s"]).expect_err("venue").to_string();
        assert_eq!(error, "feed kind `x` has no option `venue`: allowed are `n`, `s`");
    }

    proptest! {
        #[test]
        fn any_text_gives_a_spec_or_an_error(text in any::<String>()) {
            let _ = FeedSpec::parse(&text);
        }

        #[test]
        fn any_target_can_be_written(target in any::<String>()) {
            let written: String = target.bytes().map(|b| format!("%{b:02X}")).collect();
            let spec = FeedSpec::parse(&format!("k:{written}")).expect("an encoded target");
            prop_assert_eq!(spec.target().unwrap_or(""), target);
        }
    }
}
