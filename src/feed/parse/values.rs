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
    if let Some(ns) = plain_utc(text.as_bytes()) {
        return Ok(Some(Ts(ns)));
    }
    let stamp: jiff::Timestamp = text.parse().map_err(|_| wrong())?;
    if stamp < jiff::Timestamp::UNIX_EPOCH {
        return Ok(None);
    }
    let ns = i64::try_from(stamp.as_nanosecond()).map_err(|_| wrong())?;
    Ok(Some(Ts(ns)))
}

/// Nanoseconds of `2026-08-09T21:05:48.228568804Z`, any number of decimals up to nine, as venues write it; `None` for all
/// else, right or wrong. Every message of a book has one: 15 ns instead of 90.
fn plain_utc(text: &[u8]) -> Option<i64> {
    let number = |digits: &[u8]| {
        let add = |sum: i64, byte: &u8| byte.is_ascii_digit().then(|| sum * 10 + i64::from(byte - b'0'));
        digits.iter().try_fold(0, add)
    };
    let [
        y0,
        y1,
        y2,
        y3,
        b'-',
        o0,
        o1,
        b'-',
        d0,
        d1,
        b'T',
        h0,
        h1,
        b':',
        m0,
        m1,
        b':',
        s0,
        s1,
        rest @ ..,
    ] = text
    else {
        return None;
    };
    let (year, month, day) = (
        number(&[*y0, *y1, *y2, *y3])?,
        number(&[*o0, *o1])?,
        number(&[*d0, *d1])?,
    );
    let (hour, minute, second) = (number(&[*h0, *h1])?, number(&[*m0, *m1])?, number(&[*s0, *s1])?);
    let is_leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let month_days = match month {
        2 => 28 + i64::from(is_leap),
        4 | 6 | 9 | 11 => 30,
        1..=12 => 31,
        _ => return None,
    };
    let is_time = (1..=month_days).contains(&day) && hour < 24 && minute < 60 && second < 60;
    let fraction = match rest {
        b"Z" => 0,
        [b'.', digits @ .., b'Z'] if (1..=9).contains(&digits.len()) => {
            number(digits)? * 10i64.pow(9 - digits.len() as u32)
        }
        _ => return None,
    };
    if !is_time || !(1970..2262).contains(&year) {
        return None;
    }
    // Years begin in March here, so that the leap day is the last; 719,468 days of them lie before 1970.
    let (y, m) = if month > 2 {
        (year, month - 3)
    } else {
        (year - 1, month + 9)
    };
    let days = y * 365 + y / 4 - y / 100 + y / 400 + (153 * m + 2) / 5 + day - 1 - 719_468;
    Some((((days * 24 + hour) * 60 + minute) * 60 + second) * 1_000_000_000 + fraction)
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
    use proptest::prelude::*;

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

    proptest! {
        #[test]
        fn a_stamp_read_the_short_way_is_the_one_that_it_is(ns in 0i64..=i64::MAX, decimals in 0usize..10) {
            let whole = jiff::Timestamp::from_nanosecond(i128::from(ns)).expect("in range");
            let text = format!("{whole:.decimals$}");
            let long: jiff::Timestamp = text.parse().expect("a stamp");
            prop_assert_eq!(plain_utc(text.as_bytes()).map(i128::from), (ns / 1_000_000_000 < 9_214_646_400).then(|| long.as_nanosecond()));
        }

        #[test]
        fn what_the_short_way_takes_is_a_stamp(text in "(19[67]|2[0-2][0-9])[0-9]-[01][0-9]-[0-3][0-9]T[0-2][0-9]:[0-6][0-9]:[0-6][0-9](\\.[0-9]{0,10})?Z") {
            let long = text.parse().map(|stamp: jiff::Timestamp| stamp.as_nanosecond()).ok();
            prop_assert!(plain_utc(text.as_bytes()).is_none_or(|ns| Some(i128::from(ns)) == long), "{text}");
        }
    }
}
