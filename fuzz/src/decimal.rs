//! Exact decimals against slow arithmetic on text: an input is two numbers, one a line.

use std::cmp::Ordering;

use tickwire::market::{DECIMALS_MAX, Decimal, DecimalError};

/// A number as sign, digits without zeros at either end, and the power of ten behind them.
#[derive(Debug)]
struct Slow {
    is_negative: bool,
    digits: String,
    exponent: i64,
}

/// Two texts: each is read as slow arithmetic reads it, and their order is that of the numbers.
pub fn decimal(input: &[u8]) {
    let Ok(text) = std::str::from_utf8(input) else { return };
    let (one, other) = text.split_once('\n').unwrap_or((text, "0"));
    if let (Some(one), Some(other)) = (checked(one), checked(other)) {
        assert_eq!(one.cmp(&other), order(one, other), "{one} and {other}");
        assert_eq!(one == other, order(one, other) == Ordering::Equal);
    }
}

fn checked(text: &str) -> Option<Decimal> {
    let got = Decimal::parse(text);
    let Some(slow) = slow(text) else {
        assert!(matches!(got, Err(DecimalError::Syntax(_))), "{text}: {got:?}");
        return None;
    };
    let is_too_precise = slow.exponent < -i64::from(DECIMALS_MAX);
    let mantissa = mantissa(&slow);
    match &got {
        Ok(decimal) => {
            assert!(!is_too_precise, "{text}: {got:?}");
            assert_eq!(
                Some(decimal.to_string()),
                mantissa.map(|m| written(m, slow.exponent)),
                "{text}"
            );
            assert_eq!(Decimal::parse(&decimal.to_string()), Ok(*decimal), "{text}");
            assert_eq!(i64::from(decimal.decimals()), (-slow.exponent).max(0), "{text}");
            assert_eq!(decimal.scaled(decimal.decimals()), mantissa, "{text}");
        }
        Err(DecimalError::Precision(_)) => assert!(is_too_precise, "{text}: {got:?}"),
        Err(DecimalError::Overflow(_)) => assert!(mantissa.is_none(), "{text}: {got:?}"),
        Err(DecimalError::Syntax(_)) => panic!("{text}: {got:?}"),
    }
    if let Err(error) = &got {
        assert!(error.to_string().len() < 300, "{error}");
    }
    got.ok()
}

/// `[+-]digits[.digits][e[+-]digits]`; `None` for all else.
fn slow(text: &str) -> Option<Slow> {
    let (is_negative, unsigned) = signed(text);
    let (number, exponent) = match unsigned.find(['e', 'E']) {
        None => (unsigned, 0),
        Some(at) => {
            let (is_negative, digits) = signed(&unsigned[at + 1..]);
            if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
                return None;
            }
            let digits = digits.trim_start_matches('0');
            // No text is long enough to bring a number with such an exponent back into what fits.
            let size = if digits.len() > 9 {
                1_000_000_000
            } else {
                digits.parse().unwrap_or(0)
            };
            (&unsigned[..at], if is_negative { -size } else { size })
        }
    };
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    let digits = format!("{whole}{fraction}");
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let kept = digits.trim_end_matches('0');
    let behind = (digits.len() - kept.len()) as i64 - fraction.len() as i64;
    let digits = kept.trim_start_matches('0').to_owned();
    let exponent = if digits.is_empty() { 0 } else { exponent + behind };
    Some(Slow {
        is_negative,
        digits,
        exponent,
    })
}

fn signed(text: &str) -> (bool, &str) {
    match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    }
}

/// The number without its decimals' point, where it fits.
fn mantissa(slow: &Slow) -> Option<i64> {
    let zeros = slow.exponent.max(0);
    if zeros > 18 {
        return None;
    }
    let sign = if slow.is_negative { "-" } else { "" };
    let text = format!("{sign}0{}{}", slow.digits, "0".repeat(zeros as usize));
    text.parse().ok()
}

/// A number written without exponent.
fn written(mantissa: i64, exponent: i64) -> String {
    let sign = if mantissa < 0 { "-" } else { "" };
    let digits = mantissa.unsigned_abs().to_string();
    let decimals = (-exponent).max(0) as usize;
    if decimals == 0 {
        return format!("{sign}{digits}");
    }
    let padded = format!("{digits:0>width$}", width = decimals + 1);
    let (whole, fraction) = padded.split_at(padded.len() - decimals);
    format!("{sign}{whole}.{fraction}")
}

fn order(one: Decimal, other: Decimal) -> Ordering {
    let wide = |number: Decimal| {
        let mantissa = number.scaled(number.decimals()).expect("its own decimals");
        i128::from(mantissa) * 10i128.pow(u32::from(DECIMALS_MAX - number.decimals()))
    };
    wide(one).cmp(&wide(other))
}
