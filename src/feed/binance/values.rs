//! Binance's texts and stamps as values. Nothing is rounded: what does not fit is a misfit, what is no number an error.

use super::super::ParseError;
use crate::market::{Decimal, DecimalError, Field, Fields, Ts, Value};

/// Stamps from here on are µs (`timeUnit=MICROSECOND`): in ms it would be the year 5138, in µs it was 1973.
const MICROS_FROM: u64 = 100_000_000_000_000;

/// A number's text as a field's value.
pub(super) fn decimal(kind: &'static str, text: &str) -> Result<Value, ParseError> {
    match Decimal::parse(text) {
        Ok(decimal) => Ok(Value::Set(decimal)),
        Err(DecimalError::Overflow(_) | DecimalError::Precision(_)) => Ok(Value::Misfit),
        Err(source @ DecimalError::Syntax(_)) => Err(ParseError::Number { kind, source }),
    }
}

/// A count as a field's value.
pub(super) fn whole(count: u64) -> Value {
    i64::try_from(count).map_or(Value::Misfit, |c| Value::Set(Decimal::from_int(c)))
}

/// One side's best level. Binance writes an empty side as price and size zero; it has no value then.
pub(super) fn level(
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
pub(super) fn time(kind: &'static str, stamp: u64) -> Result<Ts, ParseError> {
    let ts = i64::try_from(stamp).ok().and_then(|s| match stamp {
        MICROS_FROM.. => Ts::from_micros(s),
        _ => Ts::from_millis(s),
    });
    ts.ok_or(ParseError::Time { kind, got: stamp })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stamps_in_ms_and_us_mean_the_same_moment() {
        let want = Ts(1_723_161_255_342_000_000);
        assert_eq!(time("t", 1_723_161_255_342).expect("ms"), want);
        assert_eq!(time("t", 1_723_161_255_342_000).expect("us"), want);
        assert!(time("t", u64::MAX).is_err());
        assert!(time("t", i64::MAX as u64).is_err());
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
