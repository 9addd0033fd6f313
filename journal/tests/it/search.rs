//! Full-text search: what is found, where, and that no input is too nasty.

use journal::{HIT_END, HIT_START, Item, ItemState, Options, Session, Write};

use crate::support::{Scratch, commit};

fn say(thread: &str, id: &str, seq: u64, text: &str) -> Write {
    Write {
        items: vec![Item {
            turn: "t".to_owned(),
            id: id.to_owned(),
            seq,
            kind: "agentMessage".to_owned(),
            state: ItemState::Completed,
            text: text.to_owned(),
            ..Item::default()
        }],
        ..Write::new(thread)
    }
}

fn live_in(thread: &str, cwd: &str) -> Write {
    Write {
        session: Some(Session {
            cwd: cwd.to_owned(),
            title: Some(format!("title of {thread}")),
            ..Session::default()
        }),
        ..Write::new(thread)
    }
}

fn found(journal: &journal::Journal, query: &str, cwd: Option<&str>) -> Vec<String> {
    let hits = journal.search(query, cwd, 50).unwrap();
    hits.into_iter().map(|hit| hit.item).collect()
}

#[test]
fn words_are_found_in_all_sessions_newest_first() {
    let scratch = Scratch::new();
    let (journal, _) = scratch.open();
    commit(&journal, live_in("a", "/w/one"));
    commit(
        &journal,
        say("a", "1", 4, "The parser rejects trailing commas"),
    );
    commit(
        &journal,
        say("b", "2", 1, "Parser: rewritten in src/parse_table.rs"),
    );
    commit(&journal, say("b", "3", 2, "Überraschung in der Küche"));
    for (query, expected) in [
        ("parser", &["2", "1"][..]),
        ("PARSER commas", &["1"]),
        ("pars", &["2", "1"]),
        ("pars commas", &[]),
        ("\"trailing commas\"", &["1"]),
        ("\"commas trailing\"", &[]),
        ("parse_table.rs", &["2"]),
        ("src/parse", &["2"]),
        ("kuche", &["3"]),
        ("ÜBERRASCHUNG", &["3"]),
        ("nowhere", &[]),
    ] {
        assert_eq!(found(&journal, query, None), expected, "{query}");
    }
    let hit = journal.search("rejects", None, 1).unwrap().remove(0);
    assert_eq!(
        (&*hit.thread, &*hit.cwd, hit.title.as_deref(), hit.seq),
        ("a", "/w/one", Some("title of a"), 4)
    );
    assert_eq!(
        hit.snippet,
        format!("The parser {HIT_START}rejects{HIT_END} trailing commas")
    );
    assert_eq!(journal.search("parser", None, 1).unwrap().len(), 1);
}

#[test]
fn a_folder_leaves_its_own_sessions_and_those_below() {
    let scratch = Scratch::new();
    let (journal, _) = scratch.open();
    for (thread, cwd) in [
        ("1", "/w"),
        ("2", "/w/x"),
        ("3", "/wx"),
        ("4", "/w%"),
        ("5", "/W"),
    ] {
        commit(&journal, live_in(thread, cwd));
        commit(&journal, say(thread, thread, 1, "needle"));
    }
    commit(&journal, say("none", "6", 1, "needle"));
    for (cwd, expected) in [
        ("/w", &["2", "1"][..]),
        ("/w/", &["2", "1"]),
        ("/w/x", &["2"]),
        ("/w%", &["4"]),
        ("/", &["5", "4", "3", "2", "1"]),
        ("/nowhere", &[]),
    ] {
        assert_eq!(found(&journal, "needle", Some(cwd)), expected, "{cwd}");
    }
    assert_eq!(found(&journal, "needle", None).len(), 6);
}

#[test]
fn search_follows_each_change_of_an_item() {
    let scratch = Scratch::new();
    let (journal, _) = scratch.open();
    for (text, finds) in [
        ("alpha", ["1", "", ""]),
        ("alpha beta", ["1", "1", ""]),
        ("gamma", ["", "", "1"]),
        ("", ["", "", ""]),
        ("beta", ["", "1", ""]),
    ] {
        commit(&journal, say("a", "1", 1, text));
        for (word, expected) in ["alpha", "beta", "gamma"].into_iter().zip(finds) {
            assert_eq!(
                found(&journal, word, None).concat(),
                expected,
                "{word} in {text:?}"
            );
        }
    }
    journal.close().unwrap();
    let connection = rusqlite::Connection::open(scratch.database()).unwrap();
    // FTS5 compares its index with the items, word by word.
    connection
        .execute(
            "INSERT INTO search (search, rank) VALUES ('integrity-check', 1)",
            [],
        )
        .unwrap();
}

#[test]
fn nasty_queries_are_only_words() {
    let scratch = Scratch::new();
    let (journal, _) = scratch.open();
    commit(
        &journal,
        say(
            "a",
            "1",
            1,
            "select drop table NEAR near AND or not column text",
        ),
    );
    let long = "x".repeat(100_000);
    let many = "word ".repeat(10_000);
    for query in [
        "",
        " ",
        "\"",
        "\"\"",
        "\"\"\"",
        "'",
        "';--",
        "*",
        "**",
        "^",
        "-",
        "+",
        ":",
        "(",
        ")",
        "((",
        "{}",
        "\\",
        "\0",
        "a\0b",
        "AND",
        "OR",
        "NOT",
        "NEAR(",
        "NEAR(a b, 2)",
        "text:",
        "text : near",
        "{text} : x",
        "-text",
        "near*",
        "\"near",
        "near\"",
        "a AND",
        "OR b",
        "NOT NOT",
        "%",
        "_",
        "?1",
        "😀",
        "\u{202e}",
        "…",
        "\n\t\r",
        &long,
        &many,
    ] {
        let answer = journal.search(query, None, 10);
        assert!(answer.is_ok(), "{query:.40?}: {answer:?}");
    }
    for query in [
        "NEAR",
        "near(",
        "drop; table",
        "'); DROP TABLE items; --",
        "AND or",
        "column:text",
        "*near",
    ] {
        // They find the item by the words in them.
        let query = query.replace("items", "select");
        assert_eq!(found(&journal, &query, None), ["1"], "{query}");
    }
    assert_eq!(journal.search("near", Some("'\0\""), 10).unwrap(), []);
    assert_eq!(journal.search("near", None, usize::MAX).unwrap().len(), 1);
}

#[test]
fn only_the_begin_of_a_long_text_is_searched_and_it_is_cut_between_letters() {
    let scratch = Scratch::new();
    let (journal, _) = journal::Journal::open(Options {
        search_text_bytes: 9,
        ..scratch.options()
    })
    .unwrap();
    commit(&journal, say("a", "1", 1, "first ääää last"));
    assert_eq!(found(&journal, "first", None), ["1"]);
    assert_eq!(found(&journal, "ä", None), ["1"]);
    assert_eq!(found(&journal, "last", None), [""; 0]);
    let stored = journal.items("a", None, 1, 1).unwrap().remove(0).text;
    assert_eq!(stored, "first ä");
}
