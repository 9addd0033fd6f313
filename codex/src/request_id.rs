//! The id of a JSON-RPC request: an integer or a string, and `1` is not `"1"`.
//!
//! It does not make ids unique; [`crate::pending`] allocates them.

use std::{fmt, sync::Arc};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use crate::message::string_value;

/// The id of a request, as it stands on the wire. Cheap to clone.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RequestId(Repr);

#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
enum Repr {
    Integer(i64),
    Text(Arc<str>),
}

impl RequestId {
    /// A string id.
    pub fn text(id: impl Into<Arc<str>>) -> Self {
        Self(Repr::Text(id.into()))
    }

    /// Reads an id from its JSON form, `7` or `"seven"`. Anything else (fractions, null, objects) is `None`.
    pub fn from_json(raw: &str) -> Option<Self> {
        if raw.starts_with('"') {
            return (raw.len() >= 2 && raw.ends_with('"')).then(|| Self::text(string_value(raw)));
        }
        raw.parse().ok().map(|id| Self(Repr::Integer(id)))
    }

    /// The integer, when it is one.
    pub fn as_integer(&self) -> Option<i64> {
        match self.0 {
            Repr::Integer(id) => Some(id),
            Repr::Text(_) => None,
        }
    }

    /// The string, when it is one.
    pub fn as_text(&self) -> Option<&str> {
        match &self.0 {
            Repr::Integer(_) => None,
            Repr::Text(id) => Some(id),
        }
    }
}

impl From<i64> for RequestId {
    fn from(id: i64) -> Self {
        Self(Repr::Integer(id))
    }
}

/// The JSON form, so that `1` and `"1"` look different in a log as well.
impl fmt::Display for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Repr::Integer(id) => write!(f, "{id}"),
            Repr::Text(id) => {
                let mut json = Vec::with_capacity(id.len() + 2);
                crate::message::write_string(&mut json, id);
                f.write_str(&String::from_utf8_lossy(&json))
            }
        }
    }
}

impl fmt::Debug for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RequestId({self})")
    }
}

impl Serialize for RequestId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match &self.0 {
            Repr::Integer(id) => serializer.serialize_i64(*id),
            Repr::Text(id) => serializer.serialize_str(id),
        }
    }
}

impl<'de> Deserialize<'de> for RequestId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;
        impl de::Visitor<'_> for Visitor {
            type Value = RequestId;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an integer or a string")
            }
            fn visit_i64<E: de::Error>(self, id: i64) -> Result<RequestId, E> {
                Ok(id.into())
            }
            fn visit_u64<E: de::Error>(self, id: u64) -> Result<RequestId, E> {
                i64::try_from(id).map(Into::into).map_err(E::custom)
            }
            fn visit_str<E: de::Error>(self, id: &str) -> Result<RequestId, E> {
                Ok(RequestId::text(id))
            }
        }
        deserializer.deserialize_any(Visitor)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn a_number_and_its_text_are_different_ids() {
        let ids: HashSet<_> = [RequestId::from(1), RequestId::text("1"), RequestId::from(1)].into();
        assert_eq!(ids.len(), 2);
        assert_eq!(RequestId::from(1).to_string(), "1");
        assert_eq!(RequestId::text("1").to_string(), "\"1\"");
    }

    #[test]
    fn ids_survive_the_round_over_json() {
        for json in [
            "0",
            "-9223372036854775808",
            "9223372036854775807",
            "\"\"",
            "\"a\\\"b\\n\"",
            "\"7\"",
        ] {
            let id = RequestId::from_json(json).unwrap();
            assert_eq!(id.to_string(), json);
            assert_eq!(serde_json::to_string(&id).unwrap(), json);
            assert_eq!(serde_json::from_str::<RequestId>(json).unwrap(), id);
        }
    }

    #[test]
    fn what_is_no_id_is_refused() {
        for json in [
            "",
            "\"",
            "null",
            "1.5",
            "1e3",
            "9223372036854775808",
            "true",
            "{}",
            "[1]",
        ] {
            assert_eq!(RequestId::from_json(json), None, "{json}");
        }
    }
}
