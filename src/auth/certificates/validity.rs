//! When a certificate ends (RFC 5280, 4.1.2.5). What verifies certificates does not say it, and a crate that does brings ten
//! more for one date.

use jiff::civil::{DateTime, date};

use crate::auth::der::{INTEGER, SEQUENCE, take};

const VERSION: u8 = 0xa0;
const UTC_TIME: u8 = 0x17;
const GENERALIZED_TIME: u8 = 0x18;

/// The last second in which it is good, since 1970; `None` where it is no certificate.
pub(super) fn not_after(der: &[u8]) -> Option<i64> {
    let (certificate, []) = take(der, SEQUENCE)? else {
        return None;
    };
    let (signed, _) = take(certificate, SEQUENCE)?;
    let behind_version = take(signed, VERSION).map_or(signed, |(_, rest)| rest);
    let (_serial, rest) = take(behind_version, INTEGER)?;
    let (_algorithm, rest) = take(rest, SEQUENCE)?;
    let (_issuer, rest) = take(rest, SEQUENCE)?;
    let (validity, _) = take(rest, SEQUENCE)?;
    let (_, rest) = time(validity)?;
    let (not_after, []) = time(rest)? else { return None };
    Some(not_after)
}

/// A time in either form, and what comes behind.
fn time(der: &[u8]) -> Option<(i64, &[u8])> {
    let (text, year_digits, rest) = match take(der, UTC_TIME) {
        Some((text, rest)) => (text, 2, rest),
        None => take(der, GENERALIZED_TIME).map(|(text, rest)| (text, 4, rest))?,
    };
    let digits = text
        .strip_suffix(b"Z")
        .filter(|digits| digits.len() == year_digits + 10)?;
    let number = |digits: &[u8]| {
        digits.iter().try_fold(0i16, |number, digit| {
            digit.is_ascii_digit().then(|| number * 10 + i16::from(digit - b'0'))
        })
    };
    let (year, rest_digits) = digits.split_at(year_digits);
    let year = match (number(year)?, year_digits) {
        (year @ 50.., 2) => 1900 + year,
        (year, 2) => 2000 + year,
        (year, _) => year,
    };
    let mut parts = [0i8; 5];
    for (part, digits) in parts.iter_mut().zip(rest_digits.chunks_exact(2)) {
        *part = number(digits)? as i8;
    }
    let [month, day, hour, minute, second] = parts;
    let time = DateTime::new(year, month, day, hour, minute, second, 0).ok()?;
    // Without a time zone: one that has no end says 9999-12-31T23:59:59Z, which is beyond jiff's instants.
    Some((time.duration_since(date(1970, 1, 1).at(0, 0, 0, 0)).as_secs(), rest))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rcgen::{CertificateParams, KeyPair, date_time_ymd};

    use super::*;

    /// A certificate that ends on this day.
    fn until(year: i32, month: u8, day: u8) -> Vec<u8> {
        let mut params = CertificateParams::new(["a.test".to_owned()]).expect("a name");
        params.not_before = date_time_ymd(1970, 1, 1);
        params.not_after = date_time_ymd(year, month, day);
        let key = KeyPair::generate().expect("a key");
        params.self_signed(&key).expect("a certificate").der().to_vec()
    }

    #[test]
    fn the_end_is_read_in_both_forms() {
        for (year, month, day, want) in [
            (1970, 1, 2, 86_400),
            (1999, 12, 31, 946_598_400),
            (2024, 2, 29, 1_709_164_800),
            (2049, 12, 31, 2_524_521_600),
            (2050, 1, 1, 2_524_608_000),
            (9999, 12, 31, 253_402_214_400),
        ] {
            assert_eq!(not_after(&until(year, month, day)), Some(want), "{year}");
        }
    }

    #[test]
    fn a_time_that_is_none_is_no_end() {
        let of = |tag: u8, text: &str| {
            let der = [&[tag, text.len() as u8], text.as_bytes()].concat();
            time(&der).map(|(time, _)| time)
        };
        assert_eq!(of(UTC_TIME, "700101000001Z"), Some(1));
        assert_eq!(of(GENERALIZED_TIME, "19700101000001Z"), Some(1));
        assert_eq!(of(GENERALIZED_TIME, "99991231235959Z"), Some(253_402_300_799));
        for (tag, text) in [
            (UTC_TIME, "700101000001"),
            (UTC_TIME, "7001010000Z"),
            (UTC_TIME, "700101000001+0100"),
            (UTC_TIME, "19700101000001Z"),
            (UTC_TIME, "701301000001Z"),
            (UTC_TIME, "700230000001Z"),
            (UTC_TIME, "70010100000xZ"),
            (GENERALIZED_TIME, "700101000001Z"),
            (GENERALIZED_TIME, "19700101000001.5Z"),
            (INTEGER, "700101000001Z"),
        ] {
            assert_eq!(of(tag, text), None, "{text}");
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]
        #[test]
        fn whatever_bytes_are_read_there_is_an_end_or_none(at in 0usize..300, byte: u8, cut in 0usize..400) {
            let mut der = until(2024, 2, 29);
            der.truncate(cut);
            if let Some(place) = der.get_mut(at) {
                *place = byte;
            }
            let _ = not_after(&der);
        }
    }
}
