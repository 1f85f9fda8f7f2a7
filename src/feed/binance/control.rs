//! The venue's answers to requests.

use serde::Deserialize;
use serde_json::Value;

use super::super::parse::Answer;

/// Characters of the venue's words of refusal that are handed on.
const REFUSAL_CHARS_MAX: usize = 200;

/// `{"result":..,"id":..}`, `{"error":{"code":..,"msg":..},"id":..}` and the older `{"code":..,"msg":..}`.
#[derive(Debug, Deserialize)]
struct Control {
    #[serde(default)]
    id: Value,
    #[serde(default)]
    error: Option<Refusal>,
    #[serde(flatten)]
    refusal: Refusal,
}

#[derive(Debug, Deserialize)]
struct Refusal {
    #[serde(default)]
    code: Value,
    #[serde(default)]
    msg: Option<String>,
}

impl Refusal {
    fn words(self) -> Option<String> {
        match (self.msg, self.code) {
            (None, Value::Null) => None,
            (msg, code) => {
                let words = format!("{} (code {code})", msg.unwrap_or_default());
                Some(words.chars().take(REFUSAL_CHARS_MAX).collect())
            }
        }
    }
}

/// The answer in a message with one of these keys; its key is empty where the venue does not say what it answers.
pub(super) fn answer(message: &str) -> Option<Answer> {
    let control: Control = serde_json::from_str(message).ok()?;
    let refused = match control.error {
        Some(error) => Some(error.words().unwrap_or_default()),
        None => control.refusal.words(),
    };
    let key = match control.id {
        Value::Number(id) => id.to_string(),
        Value::String(id) => id,
        _ => String::new(),
    };
    Some(Answer { key, refused })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_has_the_requests_key_and_the_venues_words() {
        let refused = |key: &str, words: &str| Some((key.to_string(), Some(words.to_string())));
        for (message, want) in [
            (r#"{"result":null,"id":1}"#, Some(("1".to_string(), None))),
            (r#"{"id":"a b","result":["a@trade"]}"#, Some(("a b".to_string(), None))),
            (r#"{"result":null}"#, Some((String::new(), None))),
            (
                r#"{"error":{"code":2,"msg":"Invalid request"},"id":7}"#,
                refused("7", "Invalid request (code 2)"),
            ),
            (
                r#"{"id":"x","status":400,"error":{"code":-1,"msg":"y"}}"#,
                refused("x", "y (code -1)"),
            ),
            (r#"{"error":{},"id":7}"#, refused("7", "")),
            (
                r#"{"code":2,"msg":"Invalid request"}"#,
                refused("", "Invalid request (code 2)"),
            ),
            (
                r#"{"code":"x","id":18446744073709551615}"#,
                refused("18446744073709551615", " (code \"x\")"),
            ),
            (r#"{"error":"no","id":7}"#, None),
        ] {
            assert_eq!(answer(message).map(|a| (a.key, a.refused)), want, "{message}");
        }
    }
}
