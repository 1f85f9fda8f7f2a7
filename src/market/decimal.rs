//! Exact decimal numbers, parsed from text and never through a float.

use std::cmp::Ordering;
use std::fmt;

/// Most decimals a price, size or volume can have.
pub const DECIMALS_MAX: u8 = 18;

/// Powers of ten by their exponent; books compare prices of different precision all the time.
const TENS: [i64; DECIMALS_MAX as usize + 1] = {
    let mut tens = [1; DECIMALS_MAX as usize + 1];
    let mut at = 1;
    while at < tens.len() {
        tens[at] = tens[at - 1] * 10;
        at += 1;
    }
    tens
};

/// `mantissa` × 10^-`decimals`, kept in lowest terms: trailing zeros do not count.
///
/// Two equal numbers are equal values, so `==` and hashing work.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Decimal {
    mantissa: i64,
    decimals: u8,
}

/// Why a text is not a [`Decimal`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DecimalError {
    /// Not `[+-]digits[.digits][e[+-]digits]`.
    #[error("`{0}` is not a decimal number: digits with an optional sign, point and exponent are allowed")]
    Syntax(String),
    /// The digits do not fit a signed 64-bit integer.
    #[error("`{0}` is too large: its digits must fit a signed 64-bit integer")]
    Overflow(String),
    /// More than [`DECIMALS_MAX`] digits after the point.
    #[error("`{0}` is too precise: at most {DECIMALS_MAX} decimals are allowed")]
    Precision(String),
}

impl Decimal {
    /// Zero.
    pub const ZERO: Decimal = Decimal {
        mantissa: 0,
        decimals: 0,
    };

    /// Makes `mantissa` × 10^-`decimals`, `None` above [`DECIMALS_MAX`] decimals that count.
    pub fn new(mantissa: i64, decimals: u8) -> Option<Decimal> {
        if mantissa == 0 {
            return Some(Decimal::ZERO);
        }
        let (mut mantissa, mut decimals) = (mantissa, decimals);
        while decimals > 0 && mantissa % 10 == 0 {
            mantissa /= 10;
            decimals -= 1;
        }
        (decimals <= DECIMALS_MAX).then_some(Decimal { mantissa, decimals })
    }

    /// Makes a whole number.
    pub fn from_int(value: i64) -> Decimal {
        Decimal {
            mantissa: value,
            decimals: 0,
        }
    }

    /// Parses the forms that venues write: sign, point, exponent (`1e-7`, `-0.50`, `.5`, `+3E2`).
    ///
    /// # Errors
    /// Says whether the syntax, the size or the precision is at fault; nothing is ever rounded.
    pub fn parse(text: &str) -> Result<Decimal, DecimalError> {
        match parse_plain(text.as_bytes()) {
            Some(decimal) => Ok(decimal),
            None => Decimal::parse_any(text),
        }
    }

    fn parse_any(text: &str) -> Result<Decimal, DecimalError> {
        let syntax = || DecimalError::Syntax(excerpt(text));
        let (negative, unsigned) = match text.as_bytes() {
            [b'-', rest @ ..] => (true, rest),
            [b'+', rest @ ..] => (false, rest),
            rest => (false, rest),
        };
        let (number, exponent) = match unsigned.iter().position(|b| matches!(b, b'e' | b'E')) {
            Some(at) => (&unsigned[..at], parse_exponent(&unsigned[at + 1..]).ok_or_else(syntax)?),
            None => (unsigned, 0),
        };
        let mut digits = Digits::default();
        let mut point = false;
        for &byte in number {
            match byte {
                b'0'..=b'9' => digits.push(byte - b'0', point),
                b'.' if !point => point = true,
                _ => return Err(syntax()),
            }
        }
        if digits.seen == 0 {
            return Err(syntax());
        }
        if digits.mantissa == 0 && !digits.overflow {
            return Ok(Decimal::ZERO);
        }
        if digits.overflow {
            return Err(DecimalError::Overflow(excerpt(text)));
        }
        let signed = if negative { -digits.mantissa } else { digits.mantissa };
        let (mantissa, decimals) = lowest_terms(signed, digits.decimals() - exponent);
        if decimals > i64::from(DECIMALS_MAX) {
            return Err(DecimalError::Precision(excerpt(text)));
        }
        let mantissa = scale_up(mantissa, decimals.min(0).unsigned_abs())
            .and_then(|m| i64::try_from(m).ok())
            .ok_or_else(|| DecimalError::Overflow(excerpt(text)))?;
        Ok(Decimal {
            mantissa,
            decimals: decimals.max(0) as u8,
        })
    }

    /// The number without its point: × 10^[`Decimal::decimals`].
    pub fn mantissa(self) -> i64 {
        self.mantissa
    }

    /// Decimals that this number needs, 0 to [`DECIMALS_MAX`].
    pub fn decimals(self) -> u8 {
        self.decimals
    }

    /// Whether the number is below zero.
    pub fn is_negative(self) -> bool {
        self.mantissa < 0
    }

    /// Whether the number is zero.
    pub fn is_zero(self) -> bool {
        self.mantissa == 0
    }

    /// The number × 10^`decimals`, `None` where it would need more decimals or more than 64 bits.
    pub fn scaled(self, decimals: u8) -> Option<i64> {
        let up = decimals.checked_sub(self.decimals)?;
        self.mantissa.checked_mul(10i64.checked_pow(u32::from(up))?)
    }
}

impl PartialOrd for Decimal {
    fn partial_cmp(&self, other: &Decimal) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Decimal {
    fn cmp(&self, other: &Decimal) -> Ordering {
        if self.decimals == other.decimals {
            return self.mantissa.cmp(&other.mantissa);
        }
        // 2^63 x 10^18 is below 2^127, so both sides fit.
        let wide = |d: &Decimal, up: u8| i128::from(d.mantissa) * i128::from(TENS[usize::from(up)]);
        let at = self.decimals.max(other.decimals);
        wide(self, at - self.decimals).cmp(&wide(other, at - other.decimals))
    }
}

impl fmt::Display for Decimal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let digits = self.mantissa.unsigned_abs();
        let one = 10u64.pow(u32::from(self.decimals));
        let sign = if self.mantissa < 0 { "-" } else { "" };
        match self.decimals {
            0 => write!(f, "{sign}{digits}"),
            width => write!(
                f,
                "{sign}{}.{:0width$}",
                digits / one,
                digits % one,
                width = usize::from(width)
            ),
        }
    }
}

/// Reads `[-]digits[.digits]` of at most 18 digits that count, where nothing can overflow; `None` for all else.
///
/// Venues write next to nothing else: 14 ns for such as `61837.63000000`, where the general way takes 50; a quote has
/// four of them.
fn parse_plain(text: &[u8]) -> Option<Decimal> {
    let (negative, number) = match text {
        [b'-', rest @ ..] => (true, rest),
        rest => (false, rest),
    };
    let zeros = number.iter().rev().take_while(|byte| **byte == b'0').count();
    let digits = &number[..number.len() - zeros];
    if digits.len() > usize::from(DECIMALS_MAX) {
        return None;
    }
    let mut mantissa = 0i64;
    let mut point = None;
    for (at, byte) in digits.iter().enumerate() {
        match byte {
            b'0'..=b'9' => mantissa = mantissa * 10 + i64::from(byte - b'0'),
            b'.' if point.is_none() => point = Some(at),
            _ => return None,
        }
    }
    let decimals = match point {
        Some(at) if number.len() > 1 => digits.len() - at - 1,
        // Without a point the zeros belong to the number.
        None if (1..=usize::from(DECIMALS_MAX)).contains(&number.len()) => {
            mantissa *= 10i64.pow(zeros as u32);
            0
        }
        _ => return None,
    };
    Some(Decimal {
        mantissa: if negative { -mantissa } else { mantissa },
        decimals: if mantissa == 0 { 0 } else { decimals as u8 },
    })
}

/// Digits read so far; trailing zeros wait, so that `1.000…` and `1000…e-40` of any length are 1.
#[derive(Default)]
struct Digits {
    mantissa: i128,
    seen: usize,
    decimals: i64,
    zeros: u32,
    zeros_after_point: i64,
    overflow: bool,
}

impl Digits {
    fn push(&mut self, digit: u8, after_point: bool) {
        self.seen += 1;
        if digit == 0 {
            self.zeros = self.zeros.saturating_add(1);
            self.zeros_after_point += i64::from(after_point);
            return;
        }
        let zeros = std::mem::take(&mut self.zeros);
        self.decimals += std::mem::take(&mut self.zeros_after_point) + i64::from(after_point);
        self.take(zeros.saturating_add(1), digit);
    }

    /// Decimals of the mantissa: less than none where zeros wait in front of the point.
    fn decimals(&self) -> i64 {
        self.decimals - (i64::from(self.zeros) - self.zeros_after_point)
    }

    fn take(&mut self, places: u32, digit: u8) {
        if self.mantissa == 0 {
            self.mantissa = i128::from(digit);
            return;
        }
        let next = 10i128.checked_pow(places).and_then(|p| self.mantissa.checked_mul(p));
        match next.and_then(|m| m.checked_add(i128::from(digit))) {
            Some(m) => self.mantissa = m,
            None => self.overflow = true,
        }
    }
}

fn parse_exponent(text: &[u8]) -> Option<i64> {
    let (negative, digits) = match text {
        [b'-', rest @ ..] => (true, rest),
        [b'+', rest @ ..] => (false, rest),
        rest => (false, rest),
    };
    if digits.is_empty() || !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    // Far outside what fits; capped so that a hostile exponent costs nothing.
    let value = digits
        .iter()
        .fold(0i64, |v, d| (v * 10 + i64::from(d - b'0')).min(1_000_000));
    Some(if negative { -value } else { value })
}

fn lowest_terms(mut mantissa: i128, mut decimals: i64) -> (i128, i64) {
    if mantissa == 0 {
        return (0, 0);
    }
    while decimals > 0 && mantissa % 10 == 0 {
        mantissa /= 10;
        decimals -= 1;
    }
    (mantissa, decimals)
}

fn scale_up(mantissa: i128, places: u64) -> Option<i128> {
    mantissa.checked_mul(10i128.checked_pow(u32::try_from(places).ok()?)?)
}

/// Enough of a hostile text to recognise it by.
fn excerpt(text: &str) -> String {
    text.chars().take(40).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn parsed(text: &str) -> (i64, u8) {
        let d = Decimal::parse(text).expect(text);
        (d.mantissa, d.decimals)
    }

    #[test]
    fn every_form_a_venue_writes_is_exact() {
        for (text, want) in [
            ("61837.63000000", (6_183_763, 2)),
            ("0.00006547", (6547, 8)),
            ("1e-7", (1, 7)),
            ("1.5E+3", (1500, 0)),
            ("-0.50", (-5, 1)),
            ("+.5", (5, 1)),
            ("5.", (5, 0)),
            ("-0", (0, 0)),
            ("0e99999999999999999999", (0, 0)),
            ("100", (100, 0)),
            ("1000e-3", (1, 0)),
            ("10000000000000000000000000000000000000000e-40", (1, 0)),
            ("10000000000000000000000000000000000000000.0e-41", (1, 1)),
            (
                "12000000000000000000.00000000000000000000e-1",
                (1_200_000_000_000_000_000, 0),
            ),
            ("1.0000000000000000000000000000000000000000000000", (1, 0)),
            ("0000000000000000000000000000000000000000000000012", (12, 0)),
            ("9223372036854775807", (i64::MAX, 0)),
            ("-9223372036854775808", (i64::MIN, 0)),
            ("0.000000000000000001", (1, 18)),
        ] {
            assert_eq!(parsed(text), want, "{text}");
        }
    }

    #[test]
    fn what_does_not_fit_says_so_and_is_never_rounded() {
        for text in [
            "", "-", ".", "e5", "1e", "1e+", "1.2.3", "0x10", "1_000", " 1", "NaN", "inf", "١",
        ] {
            assert!(matches!(Decimal::parse(text), Err(DecimalError::Syntax(_))), "{text}");
        }
        for text in [
            "9223372036854775808",
            "1e19",
            "1e999999999999",
            "123456789012345678901234567890123456789012345",
        ] {
            assert!(matches!(Decimal::parse(text), Err(DecimalError::Overflow(_))), "{text}");
        }
        for text in ["1e-19", "0.0000000000000000001", "1e-999999999999"] {
            assert!(
                matches!(Decimal::parse(text), Err(DecimalError::Precision(_))),
                "{text}"
            );
        }
    }

    #[test]
    fn scaling_refuses_to_lose_digits() {
        let d = Decimal::parse("1.25").expect("a decimal");
        assert_eq!(d.scaled(2), Some(125));
        assert_eq!(d.scaled(5), Some(125_000));
        assert_eq!(d.scaled(1), None);
        assert_eq!(Decimal::from_int(i64::MAX).scaled(1), None);
    }

    proptest! {
        #[test]
        fn text_and_number_are_the_same_both_ways(mantissa: i64, decimals in 0u8..=18) {
            let d = Decimal::new(mantissa, decimals).expect("in range");
            prop_assert_eq!(Decimal::parse(&d.to_string()), Ok(d));
            prop_assert_eq!(d.scaled(decimals), Some(mantissa));
        }

        #[test]
        fn order_is_the_order_of_the_numbers(a: i64, b: i64, da in 0u8..=18, db in 0u8..=18) {
            let (x, y) = (Decimal::new(a, da).expect("in range"), Decimal::new(b, db).expect("in range"));
            let wide = |m: i64, d: u8| i128::from(m) * 10i128.pow(18 - u32::from(d));
            prop_assert_eq!(x.cmp(&y), wide(a, da).cmp(&wide(b, db)));
        }

        #[test]
        fn the_short_way_gives_what_the_general_one_does(text in "[+-]?[0-9]{0,12}[.]?[0-9]{0,8}0{0,12}[.e]?[0-9]{0,2}") {
            prop_assert_eq!(Decimal::parse(&text), Decimal::parse_any(&text));
        }

        #[test]
        fn any_text_gives_a_number_or_an_error(text in ".{0,60}") {
            let _ = Decimal::parse(&text);
        }
    }
}
