//! `[auth]` and `[entitlement.NAME]` of the configuration: who may come in, and what then.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::PathBuf;

use super::config::{AuthTable, EntitlementTable};
use super::within::Within;
use crate::auth::{AuthError, Certificates, Entitlement, Entitlements, Jwt, Policy, RIGHTS_PATTERNS_MAX, Tokens};
use crate::market::SymbolPattern;
use crate::server::INTERVAL_MS;

/// Whom to believe, as it is configured; no file was read yet.
#[derive(Clone, Debug)]
pub(super) struct AuthSettings {
    pub(super) tokens: Option<PathBuf>,
    pub(super) jwt: Option<JwtSettings>,
    /// Who is known by a client certificate.
    pub(super) certificates: Option<PathBuf>,
    pub(super) anonymous: Option<String>,
    pub(super) entitlements: Entitlements,
}

/// Whose JSON Web Tokens to believe.
#[derive(Clone, Debug)]
pub(super) struct JwtSettings {
    pub(super) keys: PathBuf,
    pub(super) audience: String,
    pub(super) issuer: Option<String>,
}

/// What does not go together.
#[derive(Debug, thiserror::Error)]
pub(super) enum AuthSettingError {
    #[error("[entitlement.{0}] is nobody's: without a table [auth] everybody may come in and see everything")]
    NoAuth(String),
    #[error("[auth] lets nobody in: at least one of `tokens`, `jwt_keys`, `certificates` and `anonymous` is needed")]
    Nobody,
    #[error("`jwt_keys` in [auth] needs `jwt_audience`, the `aud` that tokens for this service have")]
    NoAudience,
    #[error("`{0}` in [auth] is for JSON Web Tokens: `jwt_keys` is needed too")]
    NoKeys(&'static str),
    #[error("[entitlement.{name}] grants no pace: `min_interval_ms` {least} is longer than `max_interval_ms` {most}")]
    NoPace { name: String, least: u32, most: u32 },
    #[error(
        "`symbols` in [entitlement.{name}] has {count} patterns with `*`: at most {RIGHTS_PATTERNS_MAX} are allowed, and any number of \
         exact symbols"
    )]
    TooManyPatterns { name: String, count: usize },
}

/// A file that cannot be used, and the setting that names it.
#[derive(Debug, thiserror::Error)]
#[error("`{key}` in [auth]: {error}")]
pub(super) struct AuthFault {
    pub(super) key: &'static str,
    pub(super) error: AuthError,
}

impl AuthSettings {
    /// Checks what was configured; `None` where nothing was.
    pub(super) fn of(
        auth: Option<AuthTable>,
        entitlements: BTreeMap<String, EntitlementTable>,
    ) -> Result<Option<AuthSettings>, AuthSettingError> {
        let Some(auth) = auth else {
            let first = entitlements.into_keys().next();
            return first.map_or(Ok(None), |name| Err(AuthSettingError::NoAuth(name)));
        };
        let AuthTable {
            tokens,
            jwt_keys,
            jwt_audience,
            jwt_issuer,
            certificates,
            anonymous,
        } = auth;
        if tokens.is_none() && jwt_keys.is_none() && certificates.is_none() && anonymous.is_none() {
            return Err(AuthSettingError::Nobody);
        }
        let jwt = match (jwt_keys, jwt_audience, jwt_issuer) {
            (Some(keys), Some(audience), issuer) => Some(JwtSettings { keys, audience, issuer }),
            (Some(_), None, _) => return Err(AuthSettingError::NoAudience),
            (None, Some(_), _) => return Err(AuthSettingError::NoKeys("jwt_audience")),
            (None, None, Some(_)) => return Err(AuthSettingError::NoKeys("jwt_issuer")),
            (None, None, None) => None,
        };
        let entitlements = entitlements.into_iter().map(|(name, table)| entitlement(name, table));
        Ok(Some(AuthSettings {
            tokens,
            jwt,
            certificates,
            anonymous,
            entitlements: Entitlements::new(entitlements.collect::<Result<Vec<_>, _>>()?),
        }))
    }

    /// Reads the files. Blocks on them.
    ///
    /// # Errors
    /// What is wrong with which.
    pub(super) fn policy(&self) -> Result<Policy, AuthFault> {
        let at = |key| move |error| AuthFault { key, error };
        let tokens = self
            .tokens
            .as_deref()
            .map(|file| Tokens::read(file, &self.entitlements));
        let tokens = tokens.transpose().map_err(at("tokens"))?.unwrap_or_default();
        let read = |jwt: &JwtSettings| Jwt::read(&jwt.keys, jwt.audience.clone(), jwt.issuer.clone());
        let jwt = self.jwt.as_ref().map(read).transpose().map_err(at("jwt_keys"))?;
        let read = |file: &PathBuf| Certificates::read(file, &self.entitlements);
        let certificates = self.certificates.as_ref().map(read).transpose();
        let certificates = certificates.map_err(at("certificates"))?.unwrap_or_default();
        let (entitlements, anonymous) = (self.entitlements.clone(), self.anonymous.as_deref());
        Policy::new(entitlements, anonymous, tokens, jwt, certificates).map_err(at("anonymous"))
    }

    /// Whether anybody can show credentials at all.
    fn has_credentials(&self) -> bool {
        self.tokens.is_some() || self.jwt.is_some() || self.certificates.is_some()
    }
}

/// Whether other machines may reach this address, while nobody has to say who it is.
pub(super) fn is_exposed(addr: SocketAddr, auth: Option<&AuthSettings>, is_insecure: bool) -> bool {
    let is_local = addr.ip().to_canonical().is_loopback();
    !is_local && !is_insecure && !auth.is_some_and(AuthSettings::has_credentials)
}

/// What is told then.
pub(super) const EXPOSED: &str = "other machines can reach it and no credentials are configured. Configure some (`tokens`, \
                                  `jwt_keys` or `certificates` in [auth], see README), listen on 127.0.0.1, or say `--insecure` (TICKWIRE_INSECURE, \
                                  `insecure` in [server]) where whoever reaches it may see everything";

fn entitlement(name: String, table: EntitlementTable) -> Result<Entitlement, AuthSettingError> {
    let least = table.min_interval_ms.map_or(*INTERVAL_MS.start(), |ms| ms.get() as u32);
    let most = table.max_interval_ms.map_or(*INTERVAL_MS.end(), |ms| ms.get() as u32);
    if least > most {
        return Err(AuthSettingError::NoPace { name, least, most });
    }
    let symbols = table.symbols.map(|patterns| patterns.0);
    let is_glob = |pattern: &&SymbolPattern| matches!(pattern, SymbolPattern::Glob(_));
    let count = symbols.iter().flatten().filter(is_glob).count();
    if count > RIGHTS_PATTERNS_MAX {
        return Err(AuthSettingError::TooManyPatterns { name, count });
    }
    Ok(Entitlement {
        name,
        rights: Entitlement::rights_to(symbols, table.statistics),
        symbols_max: table.max_symbols.map(|most| Within::get(most) as usize),
        connections_max: table.max_connections.map(|most| Within::get(most) as usize),
        interval_ms: least..=most,
        may_publish: table.publish,
        may_replay: table.control_replay,
        may_read_statistics: table.statistics,
    })
}

#[cfg(test)]
mod tests {
    use super::super::config::ConfigFile;
    use super::*;

    fn settings(text: &str) -> Result<Option<AuthSettings>, String> {
        let file: ConfigFile = toml::from_str(text).expect(text);
        AuthSettings::of(file.auth, file.entitlement).map_err(|error| error.to_string())
    }

    #[test]
    fn what_lets_nobody_in_or_has_no_effect_is_refused() {
        assert!(settings("").expect("open").is_none());
        let patterns: Vec<String> = (0..=RIGHTS_PATTERNS_MAX).map(|n| format!("\"a:{n}*\"")).collect();
        let crowded = format!(
            "[auth]\nanonymous = \"a\"\n[entitlement.a]\nsymbols = [{}]",
            patterns.join(",")
        );
        for (text, part) in [
            ("[entitlement.pro]\npublish = true", "[entitlement.pro] is nobody's"),
            ("[auth]", "lets nobody in"),
            ("[auth]\njwt_keys = \"k\"", "needs `jwt_audience`"),
            (&crowded, "65 patterns with `*`: at most 64"),
            ("[auth]\ntokens = \"t\"\njwt_issuer = \"i\"", "`jwt_issuer` in [auth]"),
            (
                "[auth]\nanonymous = \"a\"\njwt_audience = \"i\"",
                "`jwt_keys` is needed too",
            ),
            (
                "[auth]\ntokens = \"t\"\n[entitlement.a]\nmin_interval_ms = 200\nmax_interval_ms = 100",
                "`min_interval_ms` 200 is longer than `max_interval_ms` 100",
            ),
        ] {
            let error = settings(text).expect_err(text);
            assert!(error.contains(part), "{error}");
        }
        let missing = settings("[auth]\nanonymous = \"a\"\n[entitlement.b]")
            .expect("whole")
            .expect("some");
        let fault = missing.policy().expect_err("there is no `a`").to_string();
        assert!(
            fault.contains("`anonymous` in [auth]: there is no entitlement `a`: configured are b"),
            "{fault}"
        );
    }

    #[test]
    fn only_where_nobody_has_to_say_who_it_is_other_machines_are_kept_out() {
        let with = |text| settings(text).expect(text);
        let (none, anonymous) = (None, with("[auth]\nanonymous = \"a\"\n[entitlement.a]"));
        let tokens = with("[auth]\ntokens = \"t\"");
        let is = |addr: &str, auth: &Option<AuthSettings>, insecure| {
            is_exposed(addr.parse().expect(addr), auth.as_ref(), insecure)
        };
        for addr in [
            "0.0.0.0:1",
            "[::]:1",
            "10.0.0.1:1",
            "[fe80::1]:1",
            "[::ffff:10.0.0.1]:1",
        ] {
            assert!(is(addr, &none, false) && is(addr, &anonymous, false), "{addr}");
            assert!(!is(addr, &none, true) && !is(addr, &tokens, false), "{addr}");
        }
        for addr in ["127.0.0.1:1", "127.9.9.9:1", "[::1]:1", "[::ffff:127.0.0.1]:1"] {
            assert!(!is(addr, &none, false), "{addr}");
        }
    }
}
