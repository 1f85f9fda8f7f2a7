//! Scaled integers ⇄ decimal text: `6183763` at two decimals is `61837.63`.

use super::proto;
use crate::market::Decimals;

impl Decimals {
    /// Reads an announcement; `None` where a precision does not fit a byte (the protocol's most is 18).
    pub fn announced(instrument: &proto::Instrument) -> Option<Decimals> {
        Some(Decimals {
            price: u8::try_from(instrument.price_decimals).ok()?,
            size: u8::try_from(instrument.size_decimals).ok()?,
            volume: u8::try_from(instrument.volume_decimals).ok()?,
        })
    }

    /// Finds the announcement of `id` in a snapshot or delta.
    pub fn announced_in(message: &proto::ServerMessage, id: u32) -> Option<Decimals> {
        let instruments = match message.body.as_ref()? {
            proto::server_message::Body::Snapshot(snapshot) => &snapshot.instruments,
            proto::server_message::Body::Delta(delta) => &delta.instruments,
            _ => return None,
        };
        let last = instruments.iter().rev().find(|i| i.id == id)?;
        Decimals::announced(last)
    }
}

/// Appends `value` × 10^-`decimals` with exactly that many decimals, without allocating beyond `out`.
pub(crate) fn push_decimal(out: &mut Vec<u8>, value: i64, decimals: u8) {
    if value < 0 {
        out.push(b'-');
    }
    push_decimal_unsigned(out, value.unsigned_abs(), decimals);
}

/// Appends `value` × 10^-`decimals` with exactly that many decimals, without allocating beyond `out`.
pub(crate) fn push_decimal_unsigned(out: &mut Vec<u8>, mut value: u64, decimals: u8) {
    // 20 digits hold u64::MAX.
    let mut buffer = [b'0'; 20];
    let mut start = buffer.len();
    while value > 0 || start == buffer.len() {
        start -= 1;
        buffer[start] = b'0' + (value % 10) as u8;
        value /= 10;
    }
    let digits = &buffer[start..];
    let decimals = usize::from(decimals);
    if decimals == 0 {
        out.extend_from_slice(digits);
    } else if digits.len() > decimals {
        let (whole, fraction) = digits.split_at(digits.len() - decimals);
        out.extend_from_slice(whole);
        out.push(b'.');
        out.extend_from_slice(fraction);
    } else {
        out.extend_from_slice(b"0.");
        out.resize(out.len() + decimals - digits.len(), b'0');
        out.extend_from_slice(digits);
    }
}

/// Reads `[-]digits[.digits]` and drops the point; `None` for any other text or beyond 64 bits.
pub(crate) fn parse_decimal(text: &str) -> Option<i128> {
    let (negative, unsigned) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text),
    };
    let (whole, fraction) = match unsigned.split_once('.') {
        Some((whole, fraction)) if !fraction.is_empty() => (whole, fraction),
        Some(_) => return None,
        None => (unsigned, ""),
    };
    if whole.is_empty() {
        return None;
    }
    let mut value = 0u64;
    for byte in whole.bytes().chain(fraction.bytes()) {
        let digit = byte.checked_sub(b'0').filter(|d| *d <= 9)?;
        value = value.checked_mul(10)?.checked_add(u64::from(digit))?;
    }
    Some(if negative {
        -i128::from(value)
    } else {
        i128::from(value)
    })
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn text(value: i64, decimals: u8) -> String {
        let mut out = Vec::new();
        push_decimal(&mut out, value, decimals);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn a_decimal_has_exactly_the_instruments_decimals() {
        assert_eq!(text(6_183_763, 2), "61837.63");
        assert_eq!(text(6_183_700, 2), "61837.00");
        assert_eq!(text(-5, 2), "-0.05");
        assert_eq!(text(0, 0), "0");
        assert_eq!(text(0, 3), "0.000");
        assert_eq!(text(7, 18), "0.000000000000000007");
        assert_eq!(text(100, 2), "1.00");
        assert_eq!(text(i64::MIN, 18), "-9.223372036854775808");
    }

    #[test]
    fn text_that_is_not_a_plain_decimal_is_refused() {
        for text in [
            "",
            "-",
            ".",
            ".5",
            "5.",
            "+5",
            "1e5",
            "1.2.3",
            "--1",
            " 1",
            "1 ",
            "٣",
            "18446744073709551616",
        ] {
            assert_eq!(parse_decimal(text), None, "{text:?}");
        }
        assert_eq!(parse_decimal("-0.05"), Some(-5));
        assert_eq!(parse_decimal("18446744073709551615"), Some(i128::from(u64::MAX)));
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_again(value: i64, size: u64, decimals in 0u8..=18) {
            prop_assert_eq!(parse_decimal(&text(value, decimals)), Some(i128::from(value)));
            let mut out = Vec::new();
            push_decimal_unsigned(&mut out, size, decimals);
            prop_assert_eq!(parse_decimal(&String::from_utf8(out).unwrap()), Some(i128::from(size)));
        }
    }
}
