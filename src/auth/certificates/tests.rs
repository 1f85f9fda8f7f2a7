//! Whose certificates are believed, until when, and who is known by them.

mod revocations;

use std::path::PathBuf;
use std::time::Duration;

use rcgen::string::Ia5String;
use rcgen::{
    BasicConstraints, CertificateParams, CertificateRevocationListParams, DnType, ExtendedKeyUsagePurpose, IsCa,
    Issuer, KeyIdMethod, KeyPair, KeyUsagePurpose, RevokedCertParams, SanType, SerialNumber, date_time_ymd,
};

use rustls::pki_types::CertificateDer;

use super::*;
use crate::auth::error::Denied;
use crate::auth::{Authenticator, Policy, Tokens};
use crate::market::Ts;

/// Seconds since 1970.
const NOW: u64 = 1_800_000_000;
const HOUR: u64 = 3_600;

fn ts(second: u64) -> Ts {
    Ts(second as i64 * 1_000_000_000)
}

/// An authority, or one between an authority and those that it issues to.
struct Ca {
    der: CertificateDer<'static>,
    issuer: Issuer<'static, KeyPair>,
}

fn params(names: &[SanType], until: u64) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.subject_alt_names = names.to_vec();
    params.not_before = date_time_ymd(1970, 1, 1) + Duration::from_secs(NOW - HOUR);
    params.not_after = date_time_ymd(1970, 1, 1) + Duration::from_secs(until);
    params
}

impl Ca {
    fn new(name: &str) -> Ca {
        Ca::of(name, None, NOW + 100 * HOUR)
    }

    fn of(name: &str, above: Option<&Ca>, until: u64) -> Ca {
        let key = KeyPair::generate().expect("a key");
        let mut params = params(&[], until);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        params.distinguished_name.push(DnType::CommonName, name);
        let certificate = match above {
            Some(above) => params.signed_by(&key, &above.issuer),
            None => params.self_signed(&key),
        };
        Ca {
            der: certificate.expect("a certificate").der().clone(),
            issuer: Issuer::new(params, key),
        }
    }

    fn issue(&self, params: &CertificateParams) -> CertificateDer<'static> {
        let key = KeyPair::generate().expect("a key");
        params
            .signed_by(&key, &self.issuer)
            .expect("a certificate")
            .der()
            .clone()
    }

    /// A list of what it has revoked, in PEM.
    fn list(&self, revoked: &[u64]) -> String {
        self.list_of(revoked, 1)
    }

    /// The list of this number.
    fn list_of(&self, revoked: &[u64], number: u64) -> String {
        let day = |second| date_time_ymd(1970, 1, 1) + Duration::from_secs(second);
        let revoked = revoked.iter().map(|serial| RevokedCertParams {
            serial_number: SerialNumber::from(*serial),
            revocation_time: day(NOW - HOUR),
            reason_code: None,
            invalidity_date: None,
        });
        let list = CertificateRevocationListParams {
            this_update: day(NOW - HOUR + number),
            next_update: day(NOW + HOUR + number),
            crl_number: SerialNumber::from(number),
            issuing_distribution_point: None,
            revoked_certs: revoked.collect(),
            key_identifier_method: KeyIdMethod::Sha256,
        };
        list.signed_by(&self.issuer).expect("a list").pem().expect("PEM")
    }
}

fn pem(der: &CertificateDer<'_>) -> String {
    use base64::Engine as _;
    let text = base64::engine::general_purpose::STANDARD.encode(der);
    format!("-----BEGIN CERTIFICATE-----\n{text}\n-----END CERTIFICATE-----\n")
}

/// A file that goes with it.
struct Kept(PathBuf);

impl Kept {
    fn new(name: &str, text: &str) -> Kept {
        let path = std::env::temp_dir().join(format!("tickwire-{}-{name}", std::process::id()));
        std::fs::write(&path, text).expect("written");
        Kept(path)
    }
}

impl Drop for Kept {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

fn authorities(name: &str, all: &[&Ca]) -> Authorities {
    let text: String = all.iter().map(|ca| pem(&ca.der)).collect();
    Authorities::read(&Kept::new(name, &text).0).expect("authorities")
}

fn dns(name: &str) -> SanType {
    SanType::DnsName(Ia5String::try_from(name).expect("ASCII"))
}

fn uri(name: &str) -> SanType {
    SanType::URI(Ia5String::try_from(name).expect("ASCII"))
}

fn entitlements() -> Entitlements {
    Entitlements::new(["basic", "pro"].map(Entitlement::example))
}

fn table(rows: &[(&str, &str)]) -> Certificates {
    let row = |(name, by): &(&str, &str)| format!("[[certificate]]\nname = \"{name}\"\n{by}\nentitlement = \"pro\"\n");
    let text: String = rows.iter().map(row).collect();
    Certificates::parse(&text, &entitlements()).expect(&text)
}

fn policy(certificates: Certificates) -> Policy {
    Policy::new(entitlements(), None, Tokens::default(), None, certificates).expect("a policy")
}

#[test]
fn who_is_known_by_a_name_is_known_after_a_renewal_and_by_a_fingerprint_is_not() {
    let ca = Ca::new("one");
    let names = [dns("Desk-1.Example"), uri("spiffe://example/desk/1")];
    let (first, second) = (
        ca.issue(&params(&names, NOW + HOUR)),
        ca.issue(&params(&names, NOW + 2 * HOUR)),
    );
    let print = Hash::of(&first).to_string();
    let colons: Vec<String> = print.as_bytes()["sha256:".len()..]
        .chunks(2)
        .map(|pair| String::from_utf8_lossy(pair).to_uppercase())
        .collect();
    let authorities = authorities("renewal.pem", &[&ca]);
    let who = |by: &str, der: &CertificateDer<'static>| {
        let shown = authorities
            .recognise(std::slice::from_ref(der), ts(NOW))
            .expect("believed");
        assert!(
            shown
                .to_string()
                .contains("dns desk-1.example, uri spiffe://example/desk/1, sha256:"),
            "{shown}"
        );
        let table = table(&[("other", "dns = \"other.example\""), ("desk", by)]);
        table.find(&shown).map(|entry| entry.name.to_string())
    };
    for by in ["dns = \"desk-1.example\"", "uri = \"spiffe://example/desk/1\""] {
        assert_eq!(
            [who(by, &first), who(by, &second)],
            [Some("desk".to_owned()), Some("desk".to_owned())],
            "{by}"
        );
    }
    for digits in [&print["sha256:".len()..], &colons.join(":")] {
        let by = format!("sha256 = \"{digits}\"");
        assert_eq!(
            [who(&by, &first), who(&by, &second)],
            [Some("desk".to_owned()), None],
            "{by}"
        );
    }
    for by in [
        "dns = \"desk-2.example\"",
        "dns = \"example\"",
        "uri = \"spiffe://example/desk\"",
    ] {
        assert_eq!(who(by, &first), None, "{by}");
    }
}

#[test]
fn a_name_with_a_wildcard_is_nobodys_and_of_several_entries_the_first_counts() {
    let ca = Ca::new("one");
    let authorities = authorities("wildcard.pem", &[&ca]);
    let shown = |names: &[SanType]| {
        let der = ca.issue(&params(names, NOW + HOUR));
        authorities.recognise(&[der], ts(NOW)).expect("believed")
    };
    let table = table(&[
        ("a", "dns = \"a.example\""),
        ("b", "uri = \"b:1\""),
        ("c", "dns = \"c.example\""),
    ]);
    let who = |names: &[SanType]| table.find(&shown(names)).map(|entry| entry.name.to_string());
    assert_eq!(who(&[dns("*.example")]), None);
    assert_eq!(who(&[]), None);
    assert_eq!(who(&[dns("c.example"), uri("b:1")]), Some("b".to_owned()));
    assert_eq!(who(&[uri("b:1"), dns("a.example")]), Some("a".to_owned()));
}

#[test]
fn only_what_an_authority_has_issued_to_a_client_and_has_not_ended_is_believed() {
    let (ca, other) = (Ca::new("one"), Ca::new("other"));
    let authorities = authorities("issued.pem", &[&ca]);
    let good = params(&[dns("a.example")], NOW + HOUR);
    let with = |change: &dyn Fn(&mut CertificateParams)| {
        let mut changed = good.clone();
        change(&mut changed);
        changed
    };
    let for_client = with(&|p| p.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth]);
    let for_server = with(&|p| p.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth]);
    let early = with(&|p| p.not_before = date_time_ymd(1970, 1, 1) + Duration::from_secs(NOW + 60));
    let of = |der: CertificateDer<'static>, second| authorities.recognise(&[der], ts(second)).map(drop);
    assert_eq!(of(ca.issue(&good), NOW), Ok(()));
    assert_eq!(of(ca.issue(&good), NOW + HOUR), Ok(()), "its last second");
    assert_eq!(of(ca.issue(&for_client), NOW), Ok(()));
    for (der, second) in [
        (other.issue(&good), NOW),
        (ca.issue(&good), NOW + HOUR + 1),
        (ca.issue(&early), NOW),
        (ca.issue(&for_server), NOW),
        (CertificateDer::from(vec![0x30, 0]), NOW),
    ] {
        assert_eq!(of(der, second), Err(Denied::Certificate));
    }
    let long = vec![ca.issue(&good); 9];
    assert_eq!(
        authorities.recognise(&long, ts(NOW)).map(drop),
        Err(Denied::Certificate)
    );
    assert_eq!(authorities.recognise(&[], ts(NOW)).map(drop), Err(Denied::Certificate));
}

#[test]
fn it_ends_with_the_first_certificate_that_it_needs() {
    let root = Ca::new("root");
    let between = Ca::of("between", Some(&root), NOW + 2 * HOUR);
    let stranger = Ca::of("stranger", None, NOW + 60);
    let authorities = authorities("between.pem", &[&root]);
    let until = |leaf_until: u64| {
        let leaf = between.issue(&params(&[], leaf_until));
        let nothing = CertificateDer::from(vec![1, 2, 3]);
        let chain = [leaf, between.der.clone(), stranger.der.clone(), nothing];
        let shown = authorities.recognise(&chain, ts(NOW)).expect("believed");
        authorities.until(&shown, ts(NOW)).expect("believed")
    };
    assert_eq!(until(NOW + HOUR), ts(NOW + HOUR + 1));
    assert_eq!(until(NOW + 3 * HOUR), ts(NOW + 2 * HOUR + 1));
    // Beyond what nanoseconds can count.
    let mut endless = params(&[], NOW);
    endless.not_after = date_time_ymd(9999, 12, 31);
    let self_signed = {
        let key = KeyPair::generate().expect("a key");
        endless.self_signed(&key).expect("a certificate").der().clone()
    };
    let own = Kept::new("own.pem", &pem(&self_signed));
    let own = Authorities::read(&own.0).expect("its own authority");
    let shown = own.recognise(&[self_signed], ts(NOW)).expect("believed");
    assert_eq!(own.until(&shown, ts(NOW)), Some(Ts(i64::MAX)));
}

#[test]
fn files_that_cannot_be_used_are_named_with_what_they_lack() {
    let ca = Ca::new("one");
    let (good, empty) = (Kept::new("good.pem", &pem(&ca.der)), Kept::new("empty.pem", ""));
    let broken = Kept::new("broken.pem", &pem(&CertificateDer::from(vec![1, 2, 3])));
    let list = Kept::new("unread.pem", &pem(&ca.der).replace("CERTIFICATE", "X509 CRL"));
    let missing = PathBuf::from("nowhere.pem");
    for (file, is_usage, words) in [
        (&missing, false, "`nowhere.pem` cannot be read"),
        (&empty.0, true, "empty.pem`: it holds no certificate in PEM"),
        (
            &broken.0,
            true,
            "broken.pem`: a certificate in it cannot be an authority's",
        ),
    ] {
        let error = Authorities::read(file).expect_err(words);
        assert!(
            error.to_string().contains(words) && error.is_usage() == is_usage,
            "{error}"
        );
    }
    for (file, is_usage, words) in [
        (&missing, false, "`nowhere.pem` cannot be read"),
        (
            &good.0,
            true,
            "good.pem`: it holds no list of revoked certificates in PEM",
        ),
        (&list.0, true, "unread.pem`: "),
    ] {
        let authorities = Authorities::read(&good.0).expect("an authority");
        let error = authorities.without(file).expect_err(words);
        assert!(
            error.to_string().contains(words) && error.is_usage() == is_usage,
            "{error}"
        );
    }
}

#[test]
fn what_is_wrong_in_a_file_is_told_with_its_line_and_what_is_allowed() {
    let row = |name: &str, by: &str, entitlement: &str| {
        format!("\n[[certificate]]\nname = \"{name}\"\n{by}\nentitlement = \"{entitlement}\"\n")
    };
    let good = "dns = \"a.example\"";
    for (text, parts) in [
        (row("a b", good, "pro"), ["line 3", "1 to 254 bytes"]),
        (
            row("a", good, "gold"),
            ["line 5", "no entitlement `gold`: configured are basic, pro"],
        ),
        (row("a", "", "pro"), ["line 2", "one of `dns`, `uri` and `sha256`"]),
        (
            row("a", "dns = \"a\"\nuri = \"b:c\"", "pro"),
            ["line 2", "and no other"],
        ),
        (row("a", "dns = \"*.example\"", "pro"), ["line 4", "without `*`"]),
        (row("a", "dns = \"\"", "pro"), ["line 4", "desk-1.example is allowed"]),
        (
            row("a", "uri = \"spiffe\"", "pro"),
            ["line 4", "spiffe://example/desk-1 is allowed"],
        ),
        (
            row("a", "uri = \"spiffe://example/*\"", "pro"),
            ["line 4", "a whole one"],
        ),
        (
            row("a", "sha256 = \"12:34\"", "pro"),
            ["line 4", "64 hexadecimal digits"],
        ),
        (row("a", "subject = \"CN=a\"", "pro"), ["line 4", "unknown field"]),
        (
            row("a", good, "pro") + &row("b", "dns = \"A.Example\"", "pro"),
            ["line 7", "another entry's too"],
        ),
        ("[[token]]\n".to_owned(), ["line 1", "unknown field"]),
    ] {
        let why = Certificates::parse(&text, &entitlements()).expect_err(&text);
        assert!(parts.iter().all(|part| why.contains(part)), "{why}");
    }
}

#[test]
fn whoever_is_known_by_a_certificate_is_measured_by_what_counts_now() {
    let (ca, other) = (Ca::new("one"), Ca::new("other"));
    let der = ca.issue(&params(&[dns("a.example")], NOW + HOUR));
    let named = |name: &str, entitlement: &str| {
        let row = format!("[[certificate]]\nname = \"{name}\"\ndns = \"a.example\"\nentitlement = \"{entitlement}\"\n");
        policy(Certificates::parse(&row, &entitlements()).expect("a row"))
    };
    let believing = |name: &str, all: &[&Ca]| Some(Arc::new(authorities(name, all)));
    let authenticator = Authenticator::new(named("a", "pro"), believing("then.pem", &[&ca]));
    assert!(
        authenticator
            .recognise(&[], ts(NOW))
            .expect("nothing is wrong")
            .is_none()
    );
    let shown = authenticator.recognise(&[der], ts(NOW)).expect("believed");
    let shown = Arc::new(shown.expect("something"));
    let who = |second| {
        authenticator
            .certified(&shown, ts(second))
            .map(|who| who.map(|who| who.name().to_string()))
    };
    let identity = authenticator
        .certified(&shown, ts(NOW))
        .expect("believed")
        .expect("known");
    assert_eq!((&**identity.name(), identity.expires), ("a", Some(ts(NOW + HOUR + 1))));
    assert!(identity.is_authenticated);
    let standing = |second| authenticator.standing(&identity, ts(second));
    assert_eq!(
        [standing(NOW), standing(NOW + HOUR + 1)],
        [Standing::Same, Standing::Revoked]
    );
    assert_eq!(who(NOW + HOUR + 1), Err(Denied::Certificate));
    for (policy, want) in [
        (named("a", "basic"), Standing::Changed),
        (named("b", "pro"), Standing::Changed),
        (policy(Certificates::default()), Standing::Revoked),
        (named("a", "pro"), Standing::Same),
    ] {
        authenticator.replace(policy);
        assert_eq!(standing(NOW), want);
    }
    authenticator.replace(policy(Certificates::default()));
    assert_eq!(who(NOW), Ok(None), "nobody in particular");
    authenticator.replace(named("a", "pro"));
    for (believed, want) in [
        (believing("other.pem", &[&other]), Standing::Revoked),
        (None, Standing::Revoked),
        (believing("both.pem", &[&other, &ca]), Standing::Same),
    ] {
        authenticator.believe(believed);
        assert_eq!(standing(NOW), want);
        assert_eq!(who(NOW).is_ok(), want == Standing::Same);
    }
}
