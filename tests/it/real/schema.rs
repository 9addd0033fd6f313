//! The protocol of the installed Codex as it writes it itself, and the smallest messages that fit it. Not a validator.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::{Map, Value, json};

use crate::support::host::real_codex;

/// Keys that a ceiling or a closed door of the host is about, each with a value that is over it.
const DANGEROUS: [(&str, &str); 8] = [
    ("sandbox", r#""danger-full-access""#),
    ("sandboxPolicy", r#"{"type":"dangerFullAccess"}"#),
    ("approvalPolicy", r#""never""#),
    ("approvalsReviewer", r#""auto_review""#),
    ("permissions", r#""full-access""#),
    ("permissionProfile", r#""full-access""#),
    ("config", r#"{"sandbox_mode":"danger-full-access"}"#),
    ("selectedCapabilityRoots", r#"[{"id":"x"}]"#),
];

/// One kind of message: its method, and the schema of its params.
pub struct Kind {
    pub method: String,
    params: Value,
    definitions: Map<String, Value>,
}

/// Generates the schema and reads one of its files: `ClientRequest`, `ServerRequest` or `ServerNotification`.
pub fn kinds(dir: &Path, file: &str) -> Vec<Kind> {
    let out = dir.join("schema");
    let home = dir.join("schema-home");
    for folder in [&out, &home] {
        fs::create_dir_all(folder).unwrap();
    }
    let mut command = Command::new(real_codex());
    command.args([
        "app-server",
        "generate-json-schema",
        "--experimental",
        "--out",
    ]);
    let status = command
        .arg(&out)
        .env("CODEX_HOME", home)
        .stdin(Stdio::null())
        .status();
    assert!(status.unwrap().success(), "codex writes its schema");
    let text = fs::read_to_string(out.join(format!("{file}.json"))).unwrap();
    let schema: Value = serde_json::from_str(&text).unwrap();
    let definitions = schema["definitions"]
        .as_object()
        .expect("definitions")
        .clone();
    let kinds = schema["oneOf"]
        .as_array()
        .expect("a choice of methods")
        .iter();
    let kind = |one: &Value| Kind {
        method: one["properties"]["method"]["enum"][0]
            .as_str()
            .unwrap()
            .to_owned(),
        params: one["properties"]["params"].clone(),
        definitions: definitions.clone(),
    };
    kinds.map(kind).collect()
}

impl Kind {
    /// The smallest params that fit; values of these keys are given, wherever they are asked for.
    pub fn smallest(&self, given: &BTreeMap<&str, Value>) -> Value {
        self.value(&self.params, given, 0)
    }

    fn value(&self, schema: &Value, given: &BTreeMap<&str, Value>, depth: usize) -> Value {
        let schema = self.resolved(schema);
        if depth > 12 {
            return Value::Null;
        }
        for choice in ["anyOf", "oneOf", "allOf"] {
            if let Some(first) = schema[choice].as_array().and_then(|all| all.first()) {
                let mut value = self.value(first, given, depth + 1);
                // Fields beside the choice belong to each of its forms.
                if let (Value::Object(fields), Value::Object(beside)) =
                    (&mut value, self.object(schema, given, depth))
                {
                    fields.extend(beside);
                }
                return value;
            }
        }
        if let Some(first) = schema["enum"].as_array().and_then(|all| all.first()) {
            return first.clone();
        }
        let kind = match &schema["type"] {
            Value::Array(kinds) => kinds[0].as_str().unwrap_or_default(),
            kind => kind.as_str().unwrap_or_default(),
        };
        match kind {
            "object" => self.object(schema, given, depth),
            "array" => json!([]),
            "string" => json!("/nowhere"),
            "integer" | "number" => {
                json!(schema["minimum"].as_f64().map_or(1, |least| least as i64))
            }
            "boolean" => json!(false),
            "null" => Value::Null,
            _ => json!({}),
        }
    }

    fn object(&self, schema: &Value, given: &BTreeMap<&str, Value>, depth: usize) -> Value {
        let required = schema["required"].as_array().into_iter().flatten();
        let field = |name: &Value| {
            let name = name.as_str().unwrap_or_default();
            let value = given.get(name).cloned();
            let value =
                value.unwrap_or_else(|| self.value(&schema["properties"][name], given, depth + 1));
            (name.to_owned(), value)
        };
        Value::Object(required.map(field).collect())
    }

    fn resolved<'a>(&'a self, mut schema: &'a Value) -> &'a Value {
        while let Some(name) = schema["$ref"].as_str() {
            schema = &self.definitions[name.rsplit('/').next().unwrap_or_default()];
        }
        schema
    }

    /// The places in the params where a dangerous key may stand, each filled with a value that is over the ceiling.
    pub fn overrides(&self) -> Vec<Value> {
        let mut found = Vec::new();
        self.search(&self.params, &mut Vec::new(), &mut Vec::new(), &mut found);
        found
    }

    fn search<'a>(
        &'a self,
        schema: &'a Value,
        path: &mut Vec<&'a str>,
        within: &mut Vec<&'a str>,
        found: &mut Vec<Value>,
    ) {
        let entered = schema["$ref"].as_str();
        if let Some(name) = entered {
            if within.contains(&name) {
                return;
            }
            within.push(name);
        }
        let schema = self.resolved(schema);
        for choice in ["anyOf", "oneOf", "allOf"] {
            for one in schema[choice].as_array().into_iter().flatten() {
                self.search(one, path, within, found);
            }
        }
        for (key, value) in schema["properties"].as_object().into_iter().flatten() {
            path.push(key);
            if let Some((_, over)) = DANGEROUS.iter().find(|(name, _)| name == key) {
                let over: Value = serde_json::from_str(over).unwrap();
                let nested = path
                    .iter()
                    .rev()
                    .fold(over, |value, key| json!({*key: value}));
                found.push(nested);
            } else {
                self.search(value, path, within, found);
            }
            path.pop();
        }
        if entered.is_some() {
            within.pop();
        }
    }
}
