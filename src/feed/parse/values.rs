//! Venues' texts and stamps as values. Nothing is rounded: what does not fit is a misfit, what is no number an error.

use serde::Deserialize;

use super::ParseError;
use crate::market::{Decimal, DecimalError, Field, Fields, Ts, Value};

/// Stamps from here on are µs (`timeUnit=MICROSECOND`): in ms it would be the year 5138, in µs it was 1973.
const MICROS_FROM: u64 = 100_000_000_000_000;

/// A number's text as a field's value.
///
/// # Errors
/// It is not written like a number.
pub fn decimal(kind: &'static str, text: &str) -> Result<Value, ParseError> {
    match Decimal::parse(text) {
        Ok(decimal) => Ok(Value::Set(decimal)),
        Err(DecimalError::Overflow(_) | DecimalError::Precision(_)) => Ok(Value::Misfit),
        Err(source @ DecimalError::Syntax(_)) => Err(ParseError::Number { kind, source }),
    }
}

/// A count as a field's value.
pub fn whole(count: u64) -> Value {
    i64::try_from(count).map_or(Value::Misfit, |c| Value::Set(Decimal::from_int(c)))
}

/// One side's best level. Venues write an empty side as size zero; it has no value then.
///
/// # Errors
/// One of the two is not written like a number.
pub fn level(
    fields: &mut Fields,
    kind: &'static str,
    price: (Field, &str),
    size: (Field, &str),
) -> Result<(), ParseError> {
    let values = (decimal(kind, price.1)?, decimal(kind, size.1)?);
    let values = match values {
        (_, Value::Set(size)) if size.is_zero() => (Value::Cleared, Value::Cleared),
        values => values,
    };
    fields.put(price.0, values.0).put(size.0, values.1);
    Ok(())
}

/// A stamp in ms or µs, told apart by its magnitude.
///
/// # Errors
/// It does not fit.
pub fn millis_or_micros(kind: &'static str, stamp: u64) -> Result<Ts, ParseError> {
    let ts = i64::try_from(stamp).ok().and_then(|s| match stamp {
        MICROS_FROM.. => Ts::from_micros(s),
        _ => Ts::from_millis(s),
    });
    ts.ok_or_else(|| ParseError::Time {
        kind,
        got: stamp.to_string(),
    })
}

/// A stamp as in RFC 3339, `2026-08-09T21:05:48.228568804Z`; `None` where it lies before 1970: venues write the year 1
/// where they have none.
///
/// # Errors
/// It is not written like one, or lies after 2262.
pub fn rfc3339(kind: &'static str, text: &str) -> Result<Option<Ts>, ParseError> {
    let wrong = || ParseError::Time {
        kind,
        got: text.chars().take(40).collect(),
    };
    let stamp: jiff::Timestamp = text.parse().map_err(|_| wrong())?;
    if stamp < jiff::Timestamp::UNIX_EPOCH {
        return Ok(None);
    }
    let ns = i64::try_from(stamp.as_nanosecond()).map_err(|_| wrong())?;
    Ok(Some(Ts(ns)))
}

/// A message as its kind has to look like.
///
/// # Errors
/// Says where it differs.
pub fn shape<'a, T: Deserialize<'a>>(kind: &'static str, json: &'a [u8]) -> Result<T, ParseError> {
    // Text that is known to be UTF-8 is not checked string by string: a fifth of the time.
    let message = match std::str::from_utf8(json) {
        Ok(text) => serde_json::from_str(text),
        Err(_) => serde_json::from_slice(json),
    };
    message.map_err(|source| ParseError::Shape { kind, source })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stamps_in_ms_and_us_mean_the_same_moment() {
        let want = Ts(1_723_161_255_342_000_000);
        assert_eq!(millis_or_micros("t", 1_723_161_255_342).expect("ms"), want);
        assert_eq!(millis_or_micros("t", 1_723_161_255_342_000).expect("us"), want);
        assert!(millis_or_micros("t", u64::MAX).is_err());
        assert!(millis_or_micros("t", i64::MAX as u64).is_err());
    }

    #[test]
    fn a_written_stamp_is_exact_to_the_nanosecond_and_none_before_1970() {
        let exact = rfc3339("t", "2026-08-09T21:05:48.228568804Z").expect("a time");
        assert_eq!(exact, Some(Ts(1_786_309_548_228_568_804)));
        let offset = rfc3339("t", "2026-08-09T23:05:48.5+02:00").expect("a time");
        assert_eq!(offset, Some(Ts(1_786_309_548_500_000_000)));
        assert_eq!(rfc3339("t", "0001-01-01T00:00:00.000000Z").expect("a time"), None);
        for text in ["", "2026-08-09", "2026-13-09T21:05:48Z", "2999-01-01T00:00:00Z", "now"] {
            assert!(rfc3339("t", text).is_err(), "{text}");
        }
    }

    #[test]
    fn what_does_not_fit_is_a_misfit_and_what_is_no_number_is_refused() {
        assert_eq!(
            decimal("t", "0.50").expect("a number"),
            Value::Set(Decimal::parse("0.5").expect("a number"))
        );
        for text in ["9223372036854775808", "0.0000000000000000001"] {
            assert_eq!(decimal("t", text).expect(text), Value::Misfit);
        }
        assert!(decimal("t", "1,5").is_err());
        assert_eq!(whole(u64::MAX), Value::Misfit);
    }
}
