//! Finds keys that stand twice in one object of a request's params. Two readers of such a text may take different ones: the
//! host would judge the harmless one and Codex take the other. Judges nothing else.

use std::{collections::HashSet, fmt};

use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};

/// Whether some object in `json` has a key twice. What is no JSON has none; whoever reads it says so.
pub(super) fn has_duplicate_keys(json: &str) -> bool {
    serde_json::from_str::<Unique>(json).is_err_and(|err| err.to_string().starts_with(TWICE))
}

const TWICE: &str = "a key stands twice";

/// A JSON value without duplicate keys, thrown away.
struct Unique;

impl<'de> Deserialize<'de> for Unique {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Walk)
    }
}

struct Walk;

impl<'de> Visitor<'de> for Walk {
    type Value = Unique;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any value")
    }

    fn visit_bool<E>(self, _: bool) -> Result<Unique, E> {
        Ok(Unique)
    }

    fn visit_i64<E>(self, _: i64) -> Result<Unique, E> {
        Ok(Unique)
    }

    fn visit_u64<E>(self, _: u64) -> Result<Unique, E> {
        Ok(Unique)
    }

    fn visit_f64<E>(self, _: f64) -> Result<Unique, E> {
        Ok(Unique)
    }

    fn visit_str<E>(self, _: &str) -> Result<Unique, E> {
        Ok(Unique)
    }

    fn visit_unit<E>(self) -> Result<Unique, E> {
        Ok(Unique)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Unique, A::Error> {
        while items.next_element::<Unique>()?.is_some() {}
        Ok(Unique)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut fields: A) -> Result<Unique, A::Error> {
        let mut keys = HashSet::new();
        while let Some(key) = fields.next_key::<String>()? {
            if !keys.insert(key) {
                // The rest is still read, so that the error is about this and not about what follows.
                fields.next_value::<IgnoredAny>()?;
                return Err(serde::de::Error::custom(TWICE));
            }
            fields.next_value::<Unique>()?;
        }
        Ok(Unique)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_that_stands_twice_in_one_object_is_found_at_any_depth_and_in_any_writing() {
        for (json, twice) in [
            (
                r#"{"a":1,"b":[{"a":1},{"a":2}],"c":null,"d":true,"e":-1.5,"f":"a"}"#,
                false,
            ),
            (r#"{"a":1,"a":1}"#, true),
            (
                r#"[0,{"x":{"sandbox":"read-only","y":1,"sandbox":"danger-full-access"}}]"#,
                true,
            ),
            (r#"{"sandbox":1,"\u0073andbox":2}"#, true),
            ("{\"a\":", false),
            ("", false),
        ] {
            assert_eq!(has_duplicate_keys(json), twice, "{json}");
        }
    }
}
