//! Rust source as the house rules read it: without comments and without what stands in literals.
//!
//! Not a parser: names are matched as text at word borders, which is enough to find a path or a macro.

/// `text` with every comment and the content of every string and character literal removed.
pub fn only(text: &str) -> String {
    let mut code = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let skipped = match first {
            '/' if rest.starts_with("//") => rest.find('\n').unwrap_or(rest.len()),
            '/' if rest.starts_with("/*") => block_comment(rest),
            '"' => literal(rest, 1, '"'),
            'r' if !ends_in_word(&code) => raw_string(rest),
            '\'' => character(rest),
            _ => 0,
        };
        if skipped == 0 {
            code.push(first);
            rest = &rest[first.len_utf8()..];
        } else {
            code.push(' ');
            rest = &rest[skipped..];
        }
    }
    code
}

fn ends_in_word(code: &str) -> bool {
    code.chars().next_back().is_some_and(is_word)
}

fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

/// Length of the block comment at the start of `rest`; they nest.
fn block_comment(rest: &str) -> usize {
    let (mut depth, mut at) = (0_usize, 0);
    while at < rest.len() {
        let tail = &rest.as_bytes()[at..];
        if tail.starts_with(b"/*") {
            depth += 1;
            at += 2;
        } else if tail.starts_with(b"*/") {
            depth -= 1;
            at += 2;
            if depth == 0 {
                return at;
            }
        } else {
            at += 1;
        }
    }
    rest.len()
}

/// Length of the literal at the start of `rest` that ends at an unescaped `quote`.
fn literal(rest: &str, opening: usize, quote: char) -> usize {
    let mut escaped = false;
    for (at, c) in rest.char_indices().skip(opening) {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            _ if c == quote => return at + 1,
            _ => {}
        }
    }
    rest.len()
}

/// Length of the raw string at the start of `rest`, 0 when `r` starts something else.
fn raw_string(rest: &str) -> usize {
    let hashes = rest[1..].chars().take_while(|c| *c == '#').count();
    let Some(body) = rest.get(1 + hashes..).filter(|body| body.starts_with('"')) else {
        return 0;
    };
    let end = format!("\"{}", "#".repeat(hashes));
    let opening = 1 + hashes + 1;
    body[1..]
        .find(&end)
        .map_or(rest.len(), |at| opening + at + end.len())
}

/// Length of the character literal at the start of `rest`, 0 for a lifetime.
fn character(rest: &str) -> usize {
    let mut chars = rest.chars().skip(1);
    match (chars.next(), chars.next()) {
        (Some('\\'), _) => literal(rest, 1, '\''),
        (Some(c), Some('\'')) => 2 + c.len_utf8(),
        _ => 0,
    }
}

/// Whether `code` names the crate `library` in a path.
pub fn uses_crate(code: &str, library: &str) -> bool {
    let path = format!("{library}::");
    let plain = format!("use {library};");
    positions(code, &path).next().is_some() || code.contains(&plain)
}

/// Whether `code` takes `name` out of the module `module`, by path or in a `use` group.
pub fn uses_from(code: &str, module: &str, name: &str) -> bool {
    let path = format!("{module}::");
    positions(code, &path).any(|at| {
        let tail = &code[at + path.len()..];
        let named = match tail.strip_prefix('{') {
            Some(group) => &group[..group.find('}').unwrap_or(group.len())],
            None => &tail[..tail.find(|c: char| !is_word(c)).unwrap_or(tail.len())],
        };
        named.split(|c: char| !is_word(c)).any(|word| word == name)
    })
}

/// Where `pattern` starts in `code` as a word of its own.
fn positions<'a>(code: &'a str, pattern: &'a str) -> impl Iterator<Item = usize> + 'a {
    code.match_indices(pattern)
        .map(|(at, _)| at)
        .filter(|at| !ends_in_word(&code[..*at]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comments_and_literals_are_removed() {
        let cases = [
            ("a // todo!\nb", "a  \nb"),
            ("a /* x /* y */ z */ b", "a   b"),
            (r#"f("to\"do") + 1"#, "f( ) + 1"),
            (r##"f(r#"a "quoted" b"#)"##, "f( )"),
            ("c == '\"' && d == '\\''", "c ==   && d ==  "),
            ("fn f<'a>(x: &'a str)", "fn f<'a>(x: &'a str)"),
            ("for r in rows { r }", "for r in rows { r }"),
        ];
        for (text, expected) in cases {
            assert_eq!(only(text), expected, "{text}");
        }
    }

    #[test]
    fn a_crate_is_found_by_its_path_and_not_inside_another_word() {
        assert!(uses_crate("use kameo::Actor;", "kameo"));
        assert!(uses_crate("fn f() -> kameo::Reply", "kameo"));
        assert!(!uses_crate("use my_kameo::Actor; let kameo = 1;", "kameo"));
    }

    #[test]
    fn a_name_is_found_by_path_and_in_a_group() {
        assert!(uses_from("std::sync::Mutex::new(1)", "std::sync", "Mutex"));
        assert!(uses_from(
            "use std::sync::{Arc, Mutex};",
            "std::sync",
            "Mutex"
        ));
        assert!(!uses_from(
            "use std::sync::{Arc, MutexGuard};",
            "std::sync",
            "Mutex"
        ));
        assert!(!uses_from("use tokio::sync::Mutex;", "std::sync", "Mutex"));
    }
}
