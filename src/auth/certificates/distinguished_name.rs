//! The name of an authority, as the log shows it (RFC 4514, 2).

use crate::auth::der::{OBJECT, SEQUENCE, take};

const SET: u8 = 0x31;

/// Kinds of what stands in names (RFC 5280, A.1), below 2.5.4.
const KINDS: &[(&[u8], &str)] = &[
    (&[0x55, 4, 3], "CN"),
    (&[0x55, 4, 6], "C"),
    (&[0x55, 4, 7], "L"),
    (&[0x55, 4, 8], "ST"),
    (&[0x55, 4, 10], "O"),
    (&[0x55, 4, 11], "OU"),
];

/// The content of a name, for somebody to find the certificate by. What is of another kind is left out.
pub(super) fn shown(mut name: &[u8]) -> String {
    let mut parts = Vec::new();
    while let Some((mut several, rest)) = take(name, SET) {
        while let Some((one, others)) = take(several, SEQUENCE) {
            parts.extend(part(one));
            several = others;
        }
        name = rest;
    }
    match parts.is_empty() {
        true => "without a name".to_owned(),
        false => format!("`{}`", parts.join(", ")),
    }
}

fn part(one: &[u8]) -> Option<String> {
    let (kind, value) = take(one, OBJECT)?;
    let (_, word) = KINDS.iter().find(|(known, _)| *known == kind)?;
    let (text, _) = take(value, *value.first()?)?;
    Some(format!("{word}={}", String::from_utf8_lossy(text).escape_debug()))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rcgen::{CertificateParams, DistinguishedName, DnType, KeyPair};
    use rustls::RootCertStore;

    use super::*;

    fn name(parts: &[(DnType, &str)]) -> Vec<u8> {
        let mut params = CertificateParams::default();
        params.distinguished_name = DistinguishedName::new();
        for (kind, value) in parts {
            params.distinguished_name.push(kind.clone(), *value);
        }
        let certificate = params.self_signed(&KeyPair::generate().expect("a key"));
        let mut store = RootCertStore::empty();
        let added = store.add(certificate.expect("a certificate").der().clone());
        added.expect("an authority");
        store.roots[0].subject.to_vec()
    }

    #[test]
    fn a_name_is_shown_by_its_parts_and_cannot_break_a_line() {
        let two = name(&[(DnType::OrganizationName, "Desk"), (DnType::CommonName, "one\nline")]);
        assert_eq!(shown(&two), "`O=Desk, CN=one\\nline`");
        assert_eq!(shown(&name(&[])), "without a name");
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]
        #[test]
        fn whatever_bytes_are_shown_something_is(bytes: Vec<u8>) {
            prop_assert!(!shown(&bytes).is_empty());
        }
    }
}
