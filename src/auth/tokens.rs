//! Static tokens: a file of their hashes.

use std::fmt;
use std::path::Path;
use std::sync::Arc;

use serde::Deserialize;
use toml::Spanned;

use crate::market::Ts;

use super::bounds::TOKENS_MAX;
use super::entitlement::{Entitlement, Entitlements};
use super::error::{AuthError, Denied};
use super::identity::{Identity, NAME_ALLOWED, Shown, Standing, is_name};
use super::rows::{self, Wrong, located};
use super::secret::{self, Hash};

/// What every token begins with, so that one that lies about is recognised.
const PREFIX: &str = "tickwire_";

/// All tokens of a file.
#[derive(Clone, Debug, Default)]
pub struct Tokens(Vec<Token>);

#[derive(Clone, Debug)]
struct Token {
    name: Arc<str>,
    hash: Hash,
    entitlement: Arc<Entitlement>,
    expires: Option<Ts>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(default)]
    token: Vec<Row>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Row {
    name: Spanned<String>,
    hash: Spanned<String>,
    entitlement: Spanned<String>,
    expires: Option<Spanned<String>>,
}

impl Tokens {
    /// Reads a file. Blocks on it.
    ///
    /// # Errors
    /// What is wrong in which line, and what is allowed.
    pub fn read(path: &Path, entitlements: &Entitlements) -> Result<Tokens, AuthError> {
        rows::read(path, |text| Tokens::parse(text, entitlements))
    }

    /// Reads a file's text.
    fn parse(text: &str, entitlements: &Entitlements) -> Result<Tokens, String> {
        let rows = rows::tables::<File>(text)?.token;
        if rows.len() > TOKENS_MAX {
            return Err(format!(
                "{} tokens are more than the {TOKENS_MAX} that are allowed",
                rows.len()
            ));
        }
        let mut tokens: Vec<Token> = Vec::with_capacity(rows.len());
        let mut seen = std::collections::HashSet::new();
        for row in rows {
            let at = row.hash.span().start;
            let token = row.token(entitlements).map_err(|(at, why)| located(text, at, &why))?;
            if !seen.insert(token.hash) {
                return Err(located(text, at, "`hash` is another token's too: each has its own"));
            }
            tokens.push(token);
        }
        Ok(Tokens(tokens))
    }

    /// How many there are.
    pub fn count(&self) -> usize {
        self.0.len()
    }

    /// What became of somebody who has shown the token of this hash.
    pub(super) fn standing(&self, hash: &Hash, identity: &Identity) -> Standing {
        let is_it = |token: &&Token| token.hash == *hash && token.name == *identity.name();
        match self.0.iter().find(is_it) {
            Some(token) if token.entitlement == identity.entitlement && token.expires == identity.expires => {
                Standing::Same
            }
            Some(_) => Standing::Changed,
            None => Standing::Revoked,
        }
    }

    /// Whose token this is. Takes as long for one as for any other.
    pub(super) fn find(&self, secret: &str, now: Ts) -> Result<Identity, Denied> {
        let hash = Hash::of(secret);
        // All are compared, whichever it is.
        let found = self.0.iter().fold(None, |found, token| match token.hash.is(&hash) {
            true => Some(token),
            false => found,
        });
        let Token {
            name,
            entitlement,
            expires,
            ..
        } = found.ok_or(Denied::Unknown)?;
        match expires {
            Some(expires) if *expires <= now => Err(Denied::Expired),
            expires => Ok(Identity::known(
                name.clone(),
                entitlement.clone(),
                *expires,
                Shown::Token(hash),
            )),
        }
    }
}

impl Row {
    /// Checks a row; what is wrong comes with its place.
    fn token(self, entitlements: &Entitlements) -> Result<Token, Wrong> {
        let Row {
            name,
            hash,
            entitlement,
            expires,
        } = self;
        let name = rows::name(name)?;
        let unknown = || {
            let why =
                "`hash` is none: `sha256:` and 64 hexadecimal digits are allowed, as `tickwire token` prints them";
            (hash.span().start, why.to_owned())
        };
        let known = Hash::parse(hash.get_ref()).ok_or_else(unknown)?;
        let entitlement = rows::entitlement(&entitlement, entitlements)?;
        let time = |text: Spanned<String>| {
            let wrong = || {
                (
                    text.span().start,
                    format!("`expires` is no time: {} is allowed", Ts::ALLOWED),
                )
            };
            Ts::parse(text.get_ref()).ok_or_else(wrong)
        };
        Ok(Token {
            name,
            hash: known,
            entitlement,
            expires: expires.map(time).transpose()?,
        })
    }
}

/// A token that was just made. Displayed, it is the block for the file, without the secret.
pub struct NewToken {
    /// The only copy.
    pub secret: String,
    name: String,
    entitlement: String,
    expires: Option<Ts>,
}

impl NewToken {
    /// Makes one of 256 random bits.
    ///
    /// # Errors
    /// The name cannot be one, or the system gives no randomness.
    pub fn new(name: &str, entitlement: &str, expires: Option<Ts>) -> Result<NewToken, String> {
        if !is_name(name) {
            return Err(format!("the name is not allowed: {NAME_ALLOWED} is"));
        }
        let random = secret::random().ok_or("the system gives no random numbers")?;
        Ok(NewToken {
            secret: format!("{PREFIX}{random}"),
            name: name.to_owned(),
            entitlement: entitlement.to_owned(),
            expires,
        })
    }
}

impl fmt::Display for NewToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // A JSON text is a TOML text too.
        let text = |text: &str| serde_json::Value::from(text).to_string();
        writeln!(f, "[[token]]")?;
        writeln!(f, "name = {}", text(&self.name))?;
        writeln!(f, "hash = {}", text(&Hash::of(&self.secret).to_string()))?;
        writeln!(f, "entitlement = {}", text(&self.entitlement))?;
        match self.expires {
            Some(expires) => writeln!(f, "expires = {}", text(&expires.to_rfc3339())),
            None => Ok(()),
        }
    }
}

impl fmt::Debug for NewToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NewToken")
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entitlements() -> Entitlements {
        Entitlements::new(["basic", "pro"].map(Entitlement::example))
    }

    const NOW: Ts = Ts(1_800_000_000_000_000_000);

    #[test]
    fn a_token_that_was_made_is_known_by_its_block_alone_until_it_expires() {
        let expires = Ts(NOW.0 + 1);
        let (alice, bob) = (
            NewToken::new("alice", "pro", Some(expires)).expect("a token"),
            NewToken::new("bo\"b", "basic", None).expect("a token"),
        );
        let text = format!("{alice}\n{bob}");
        assert!(!text.contains(&alice.secret) && !format!("{alice:?}").contains(&alice.secret));
        let tokens = Tokens::parse(&text, &entitlements()).expect(&text);
        let who = |secret: &str, now| tokens.find(secret, now);
        let found = who(&alice.secret, NOW).expect("alice");
        assert_eq!((&**found.name(), found.entitlement.name.as_str()), ("alice", "pro"));
        assert!(found.is_authenticated && found.left(NOW).is_some_and(|left| left.as_nanos() == 1));
        assert_eq!(&**who(&bob.secret, NOW).expect("bob").name(), "bo\"b");
        assert_eq!(who(&alice.secret, expires).err(), Some(Denied::Expired));
        for wrong in ["", "alice", &alice.secret[1..], &format!("{} ", bob.secret)] {
            assert_eq!(who(wrong, NOW).err(), Some(Denied::Unknown), "{wrong}");
        }
    }

    #[test]
    fn what_is_wrong_in_a_file_is_told_with_its_line_and_what_is_allowed() {
        let hash = Hash::of("x").to_string();
        let row = |name: &str, hash: &str, entitlement: &str, more: &str| {
            format!("\n[[token]]\nname = \"{name}\"\nhash = \"{hash}\"\nentitlement = \"{entitlement}\"\n{more}")
        };
        for (text, parts) in [
            (row("", &hash, "pro", ""), ["line 3", "1 to 254 bytes"]),
            (row("anonymous", &hash, "pro", ""), ["line 3", "not `anonymous`"]),
            (row("a", "sha256:12", "pro", ""), ["line 4", "64 hexadecimal digits"]),
            (
                row("a", &hash, "gold", ""),
                ["line 5", "no entitlement `gold`: configured are basic, pro"],
            ),
            (row("a", &hash, "pro", "expires = \"soon\""), ["line 6", "RFC 3339"]),
            (row("a", &hash, "pro", "color = \"red\""), ["line 6", "unknown field"]),
            (
                row("a", &hash, "pro", &row("b", &hash, "pro", "")),
                ["line 9", "another token's too"],
            ),
            ("[[tokens]]\n".to_owned(), ["line 1", "unknown field"]),
        ] {
            let why = Tokens::parse(&text, &entitlements()).expect_err(&text);
            assert!(parts.iter().all(|part| why.contains(part)), "{why}");
        }
        let none = Tokens::parse(&row("a", &hash, "pro", ""), &Entitlements::default()).expect_err("none");
        assert!(
            none.contains("none is configured: a table `[entitlement.NAME]` makes one"),
            "{none}"
        );
    }
}
