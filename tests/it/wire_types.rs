//! The page's own description of the wire against what the host sends: no field that the page does not know, and none
//! missing that it counts on.

use std::{collections::BTreeSet, path::Path};

use serde_json::{Value, json};

use crate::support::Setup;

/// Where the page describes what, and the sources that it is read from.
const SOURCES: [&str; 3] = ["wire/types.ts", "app/connection.ts", "app/actions.ts"];

/// An interface of the page: its fields, and those that may be missing.
struct Shape {
    name: &'static str,
    all: BTreeSet<String>,
    optional: BTreeSet<String>,
}

impl Shape {
    fn read(name: &'static str) -> Self {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("web/ui/src");
        let head = format!("export interface {name} {{");
        let body = SOURCES
            .iter()
            .map(|source| std::fs::read_to_string(root.join(source)).unwrap())
            .find_map(|text| {
                let (_, rest) = text.split_once(&head)?;
                // All on one line, or a field a line.
                let line = rest.lines().next()?;
                if let Some(fields) = line.strip_suffix('}') {
                    return Some(fields.replace("; ", "\n"));
                }
                Some(rest[..rest.find("\n}")?].to_owned())
            })
            .unwrap_or_else(|| panic!("the page describes {name}"));
        let (mut all, mut optional) = (BTreeSet::new(), BTreeSet::new());
        let code = body
            .lines()
            .filter(|line| !line.trim_start().starts_with("/*"));
        for field in code {
            let Some((key, _)) = field.trim().split_once(':') else {
                continue;
            };
            let name = key.trim_end_matches('?').to_owned();
            if !name.chars().all(char::is_alphanumeric) {
                continue;
            }
            if key.ends_with('?') {
                optional.insert(name.clone());
            }
            all.insert(name);
        }
        assert!(!all.is_empty(), "{name} has fields");
        Self {
            name,
            all,
            optional,
        }
    }

    fn check(&self, value: &Value) {
        let fields = value.as_object().unwrap();
        let sent: BTreeSet<String> = fields.keys().cloned().collect();
        let unknown: Vec<_> = sent.difference(&self.all).collect();
        assert!(unknown.is_empty(), "{} knows no {unknown:?}", self.name);
        let missing: Vec<_> = self
            .all
            .difference(&sent)
            .filter(|field| !self.optional.contains(*field))
            .collect();
        assert!(missing.is_empty(), "{} lacks {missing:?}", self.name);
    }
}

fn check(name: &'static str, value: &Value) {
    Shape::read(name).check(value);
}

fn check_each(name: &'static str, values: &Value) {
    let values = values.as_array().unwrap();
    assert!(!values.is_empty(), "there is a {name} to look at");
    let shape = Shape::read(name);
    for value in values {
        shape.check(value);
    }
}

#[tokio::test]
async fn the_page_describes_what_the_host_sends() {
    let host = Setup::simulated().start().await;
    let mut tab = host.tab().await;
    let thread = tab.start_session(&host.work()).await;
    tab.submit(
        &thread,
        "p1",
        "sim: approve cmd=\"echo made\"; say \"kelp\"",
    )
    .await;
    let asked = tab.next("item/commandExecution/requestApproval").await;
    tab.submit_when(&thread, "p2", "sim: say \"later\"", "queue")
        .await
        .unwrap();

    let attached = tab.attach(&thread).await;
    check("AttachResult", &attached);
    check("Summary", &attached["summary"]);
    check("Bridge", &attached["summary"]["bridge"]);
    check_each("PendingRequest", &attached["pending"]);
    check_each("Prompt", &attached["queue"]);
    check_each("ItemEntry", &attached["items"]);

    tab.respond(&asked, json!({"decision": "accept"})).await;
    tab.turn_end().await;
    tab.turn_end().await;
    let call = async |tab: &mut crate::support::Client, method, params| {
        tab.call(method, params).await.unwrap()
    };
    let list = call(&mut tab, "host/sessions/list", json!({})).await;
    check_each("Summary", &list["data"]);
    let items = call(&mut tab, "host/session/items", json!({"threadId": thread})).await;
    check_each("ItemEntry", &items["data"]);
    let hits = call(&mut tab, "host/search", json!({"query": "kelp"})).await;
    check_each("Hit", &hits["data"]);
    let decisions = call(&mut tab, "host/decisions/list", json!({})).await;
    check_each("Decision", &decisions["data"]);
    let folder = call(&mut tab, "host/folders/list", json!({"path": host.work()})).await;
    check("Folder", &folder);
}
