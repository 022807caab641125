//! A JSON object in which every name stands once.

use std::fmt;

use serde::de::{self, Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Value};

/// The members of an object.
pub(super) type Object = Map<String, Value>;

/// Why bytes are not a JSON object that reads one way only.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum JsonFault {
    /// They do not follow RFC 8259, or a number is too large.
    #[error("is no JSON (line {line}, column {column})")]
    Malformed {
        /// Where, counted from 1.
        line: usize,
        /// Where, in bytes.
        column: usize,
    },
    /// An object has the same name twice: readers differ in which of them counts (RFC 7515 §4, RFC 7519 §4).
    #[error("has the same member twice (line {line}, column {column})")]
    DuplicateMember {
        /// Where, counted from 1.
        line: usize,
        /// Where, in bytes.
        column: usize,
    },
    /// They are another value.
    #[error("is no JSON object")]
    NotAnObject,
}

/// Reads an object and nothing after it. The names of every object in it, at any depth, are unique.
pub(super) fn object(bytes: &[u8]) -> Result<Object, JsonFault> {
    match serde_json::from_slice(bytes) {
        Ok(Unique(Value::Object(object))) => Ok(object),
        Ok(Unique(_)) => Err(JsonFault::NotAnObject),
        Err(error) => {
            let (line, column) = (error.line(), error.column());
            // The visitor takes every value, and so objects to nothing else.
            let is_duplicate = error.classify() == serde_json::error::Category::Data;
            Err(if is_duplicate {
                JsonFault::DuplicateMember { line, column }
            } else {
                JsonFault::Malformed { line, column }
            })
        }
    }
}

/// A value without duplicate names. serde_json's own keeps the last of them.
struct Unique(Value);

impl<'de> Deserialize<'de> for Unique {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(UniqueVisitor).map(Self)
    }
}

struct UniqueVisitor;

impl<'de> Visitor<'de> for UniqueVisitor {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_string<E>(self, value: String) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut elements: A) -> Result<Value, A::Error> {
        let mut array = Vec::new();
        while let Some(Unique(element)) = elements.next_element()? {
            array.push(element);
        }
        Ok(array.into())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Value, A::Error> {
        let mut object = Object::new();
        while let Some((name, Unique(value))) = members.next_entry::<String, _>()? {
            if object.insert(name, value).is_some() {
                return Err(de::Error::custom("the same member twice"));
            }
        }
        Ok(object.into())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_name_stands_once_at_any_depth() {
        for text in [
            r#"{"a":1,"a":1}"#,
            r#"{"a":1,"\u0061":2}"#,
            r#"{"x":{"a":1,"a":2}}"#,
            r#"{"x":[{"a":1,"a":2}]}"#,
        ] {
            let fault = object(format!("\n{text}").as_bytes());
            assert!(matches!(fault, Err(JsonFault::DuplicateMember { line: 2, .. })), "{text}: {fault:?}");
        }
        assert!(object(br#"{"a":{"b":1},"b":[{"a":1},{"a":1}]}"#).is_ok());
    }

    #[test]
    fn nothing_but_one_object_is_read() {
        for text in ["[]", "null", "1", "\"{}\"", "true"] {
            assert_eq!(object(text.as_bytes()), Err(JsonFault::NotAnObject), "{text}");
        }
        let deep = format!("{{\"a\":{}1{}}}", "[".repeat(200), "]".repeat(200));
        for text in
            ["", "{", "{}{}", "{}x", "{a:1}", "{'a':1}", "\u{feff}{}", "{\"a\":1e999}", "{\"a\":NaN}", &deep]
        {
            assert!(matches!(object(text.as_bytes()), Err(JsonFault::Malformed { .. })), "{text}");
        }
        assert!(matches!(object(b"{\"a\":\"\xff\"}"), Err(JsonFault::Malformed { .. })));
    }

    fn value() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            any::<u64>().prop_map(Value::from),
            "\\PC{0,8}".prop_map(Value::from),
        ];
        leaf.prop_recursive(4, 32, 4, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
                prop::collection::btree_map("\\PC{0,4}", inner, 0..4)
                    .prop_map(|members| Value::Object(members.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn what_has_no_duplicates_reads_as_serde_json_reads_it(value in value()) {
            let wrapped = serde_json::json!({ "value": value });
            prop_assert_eq!(object(wrapped.to_string().as_bytes()).map(Value::Object), Ok(wrapped));
        }
    }
}
