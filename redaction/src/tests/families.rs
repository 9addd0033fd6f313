//! What each layer finds, and what it leaves alone.

use super::samples::{self, ALNUM, Dice};
use crate::{BuildError, Redactor, rules};

/// The label of the only marker in `text`, and what is around it.
fn only_marker(text: &str) -> Option<(&str, &str, &str)> {
    let (before, rest) = text.split_once("[REDACTED:")?;
    let (inside, after) = rest.split_once(']')?;
    let (label, digits) = inside.split_once('#')?;
    let hex = digits.len() == 6 && digits.bytes().all(|byte| byte.is_ascii_hexdigit());
    (hex && !after.contains("[REDACTED:")).then_some((before, label, after))
}

#[test]
fn every_prefix_rule_finds_its_secrets_and_names_them() {
    let redactor = samples::redactor();
    let mut wrong = Vec::new();
    for seed in 20..24 {
        for (id, secret) in samples::prefix_secrets(seed) {
            for (before, after) in [("see ", " end"), ("\"", "\","), ("a\\n", "\\n"), ("(", ")")] {
                let out = redactor
                    .redact(&format!("{before}{secret}{after}"))
                    .into_owned();
                if only_marker(&out) != Some((before, id, after)) {
                    wrong.push(format!(
                        "{id}: {before}[{} bytes]{after}: {}",
                        secret.len(),
                        out.replace(&secret, "RAW")
                    ));
                }
            }
        }
    }
    assert_eq!(wrong, Vec::<String>::new());
}

#[test]
fn every_prefix_rule_passes_its_near_misses() {
    let redactor = samples::redactor();
    for rule in rules::prefix_rules() {
        for text in rule.harmless {
            assert_eq!(redactor.redact(text), *text, "{}", rule.id);
        }
    }
}

#[test]
fn every_context_rule_finds_its_secrets() {
    let redactor = samples::redactor();
    let mut wrong = Vec::new();
    for rule in rules::context_rules() {
        for seed in 0..40 {
            for (template, text) in rule.examples.iter().zip(rule.info(seed).examples) {
                let out = redactor.redact(&text).into_owned();
                let hole = template
                    .find('{')
                    .filter(|at| template[*at + 1..].starts_with(['p', 't', 'a', 'w']));
                let hole = hole
                    .or_else(|| template.rfind("{p"))
                    .or_else(|| template.rfind("{t"))
                    .or_else(|| template.rfind("{w"))
                    .unwrap();
                let tail = &template[hole..][template[hole..].find('}').unwrap() + 1..];
                let found = only_marker(&out);
                // Padding belongs to the secret, so only the text before it is certain.
                let right = found.is_some_and(|(before, label, after)| {
                    label == rule.id && template.starts_with(before) && tail.ends_with(after)
                });
                if !right {
                    wrong.push(format!(
                        "{}: {template}: {}",
                        rule.id,
                        if out == text { &text } else { &out }
                    ));
                }
            }
        }
    }
    let total = wrong.len();
    wrong.sort();
    wrong.dedup();
    assert_eq!(wrong, Vec::<String>::new(), "{total}");
}

#[test]
fn every_context_rule_passes_its_near_misses() {
    let redactor = samples::redactor();
    for rule in rules::context_rules() {
        for text in rule.harmless {
            assert_eq!(redactor.redact(text), *text, "{}", rule.id);
        }
    }
}

#[test]
fn every_form_of_a_known_value_is_found() {
    let redactor = samples::redactor();
    for value in [
        samples::awkward_value(),
        samples::long_value(),
        Dice::new(9).text(ALNUM, 24),
    ] {
        for form in crate::known::forms(&value) {
            let form = String::from_utf8(form).unwrap();
            for (before, after) in [("", ""), ("x", "x"), ("echo '", "'\n")] {
                let out = redactor
                    .redact(&format!("{before}{form}{after}"))
                    .into_owned();
                assert!(
                    !out.contains(&form) && out.contains("[REDACTED:known-"),
                    "a form of {} bytes passed",
                    form.len()
                );
            }
        }
    }
}

#[test]
fn a_long_known_value_is_one_secret_in_every_encoding() {
    let value = Dice::new(61).text(&format!("{ALNUM} é\"\\"), 3000);
    let redactor = Redactor::builder().known("LONG", &value).build().unwrap();
    let plain = redactor.redact(&value).into_owned();
    assert_eq!(only_marker(&plain), Some(("", "known-long", "")));
    let hex: String = value.bytes().map(|byte| format!("{byte:02x}")).collect();
    assert_eq!(redactor.redact(&hex), plain);
    let escaped = value.replace('\\', "\\\\").replace('"', "\\\"");
    assert_eq!(redactor.redact(&escaped), plain);
}

#[test]
fn one_known_value_has_the_same_digits_in_every_encoding() {
    let redactor = samples::redactor();
    let value = Dice::new(9).text(ALNUM, 24);
    let plain = redactor.redact(&value).into_owned();
    for form in crate::known::forms(&value) {
        assert_eq!(redactor.redact(&String::from_utf8(form).unwrap()), plain);
    }
}

#[test]
fn digits_depend_on_the_secret_and_on_the_key_alone() {
    let secret = format!("ghp_{}", Dice::new(30).text(ALNUM, 36));
    let other = format!("ghp_{}", Dice::new(31).text(ALNUM, 36));
    let ours = samples::redactor();
    let theirs = Redactor::builder().key([8; 32]).build().unwrap();
    assert_eq!(
        ours.redact(&format!("a {secret} b"))
            .replace("a ", "")
            .replace(" b", ""),
        ours.redact(&secret)
    );
    assert_ne!(ours.redact(&secret), ours.redact(&other));
    assert_ne!(ours.redact(&secret), theirs.redact(&secret));
}

#[test]
fn key_blocks_are_redacted_whole_and_prose_is_not() {
    let redactor = samples::redactor();
    for label in [
        "RSA PRIVATE KEY",
        "EC PRIVATE KEY",
        "OPENSSH PRIVATE KEY",
        "PRIVATE KEY",
        "PGP PRIVATE KEY BLOCK",
    ] {
        let block = samples::key_block(label, 6, 40);
        let quoted: String = block.lines().map(|line| format!("+    {line}\n")).collect();
        let searched: String = block
            .lines()
            .zip(1..)
            .map(|(line, number)| format!("key.pem:{number}:{line}\n"))
            .collect();
        let out = redactor.redact(&searched).into_owned();
        assert_eq!(
            only_marker(out.trim_end()),
            Some(("key.pem:1:", "private-key", "")),
            "{label}"
        );
        for text in [
            block.clone(),
            block.replace('\n', "\r\n"),
            block.replace('\n', "\\n"),
            block.replace('\n', " "),
            quoted,
            block.replace('\n', ""),
        ] {
            let out = redactor.redact(&text).into_owned();
            assert_eq!(
                only_marker(out.trim_end()).map(|(_, label, after)| (label, after)),
                Some(("private-key", "")),
                "{label}"
            );
        }
    }
    let encrypted = samples::encrypted_key_block(43);
    for text in [encrypted.replace('\n', "\\n"), encrypted] {
        let out = redactor.redact(&text).into_owned();
        assert_eq!(only_marker(&out), Some(("", "private-key", "")));
    }
    let public = samples::key_block("PUBLIC KEY", 6, 41);
    assert_eq!(redactor.redact(&public), public);
}

#[test]
fn a_key_block_that_the_text_cuts_off_is_redacted_to_the_end() {
    let redactor = samples::redactor();
    let block = samples::key_block("RSA PRIVATE KEY", 6, 42);
    for length in 60..block.len() {
        let out = redactor.redact(&block[..length]).into_owned();
        assert!(
            out.starts_with("[REDACTED:private-key#") && out.len() < 40,
            "cut at {length}: {} bytes left",
            out.len()
        );
    }
}

#[test]
fn a_name_that_tells_a_value_is_not_shown() {
    let redactor = Redactor::builder()
        .known("swordfish-42", "Swordfish-42")
        .build()
        .unwrap();
    let out = redactor.redact("say Swordfish-42 now").into_owned();
    assert_eq!(only_marker(&out), Some(("say ", "known-value", " now")));
}

#[test]
fn rules_can_be_added_and_switched_off() {
    let secret = format!("ghp_{}", Dice::new(30).text(ALNUM, 36));
    let off = Redactor::builder().disable("github-pat").build().unwrap();
    assert_eq!(off.redact(&secret), secret);
    let own = Redactor::builder()
        .custom("acme-ticket", r"ACME-\d{4}-[a-z]{4,}")
        .unwrap()
        .build()
        .unwrap();
    assert!(
        own.redact("see ACME-1234-abcdef.")
            .starts_with("see [REDACTED:acme-ticket#")
    );
    assert_eq!(own.redact("see ACME-12-abcdef."), "see ACME-12-abcdef.");
}

#[test]
fn a_bad_builder_says_what_to_correct() {
    assert_eq!(
        Redactor::builder().disable("nothing").build().unwrap_err(),
        BuildError::UnknownRule("nothing".into())
    );
    assert_eq!(
        Redactor::builder()
            .custom("github-pat", "abc[a-z]+")
            .unwrap_err(),
        BuildError::Id("github-pat".into())
    );
    assert!(matches!(
        Redactor::builder().custom("acme", "[a-z]+"),
        Err(BuildError::Pattern { .. })
    ));
}

#[test]
fn counts_name_what_was_redacted() {
    let redactor = samples::builder().build().unwrap();
    let secret = format!("ghp_{}", Dice::new(30).text(ALNUM, 36));
    redactor.redact(&format!("{secret} {secret} {}", samples::awkward_value()));
    let counted: Vec<_> = redactor
        .counts()
        .into_iter()
        .filter(|(_, count)| *count > 0)
        .collect();
    assert_eq!(counted, [("github-pat", 2), ("known-awkward", 1)]);
}

#[test]
fn the_name_of_a_field_is_context_for_its_value() {
    let redactor = samples::redactor();
    assert!(
        redactor
            .redact_field("password", "hunter2x")
            .starts_with("[REDACTED:password#")
    );
    assert!(
        redactor
            .redact_field("apiKey", &Dice::new(60).text(ALNUM, 32))
            .starts_with("[REDACTED:token#")
    );
    for (name, value) in [
        ("password", "string"),
        ("token", "identifier"),
        ("count", "hunter2x"),
        ("note", "a \"b\"\n"),
    ] {
        assert_eq!(redactor.redact_field(name, value), value);
    }
    let awkward = samples::awkward_value();
    assert!(
        redactor
            .redact_field("note", &awkward)
            .starts_with("[REDACTED:known-awkward#")
    );
}

#[test]
fn colours_hide_no_secret_and_stay_where_they_were() {
    let redactor = samples::redactor();
    let secret = format!("ghp_{}", Dice::new(30).text(ALNUM, 36));
    let plain = redactor.redact(&format!("see {secret} end")).into_owned();
    let marker = plain
        .trim_start_matches("see ")
        .trim_end_matches(" end")
        .to_owned();
    let (left, right) = secret.split_at(11);
    let out = redactor
        .redact(&format!(
            "\u{1b}[1msee\u{1b}[0m {left}\u{1b}[31m{right}\u{1b}[0m end"
        ))
        .into_owned();
    assert_eq!(
        out,
        format!("\u{1b}[1msee\u{1b}[0m {marker}\u{1b}[31m\u{1b}[0m end")
    );
    let harmless = "\u{1b}[32m   Compiling\u{1b}[0m serde";
    assert!(matches!(
        redactor.redact(harmless),
        std::borrow::Cow::Borrowed(_)
    ));
}

#[test]
fn every_sign_tells_its_token_and_no_other_word() {
    let redactor = samples::redactor();
    for rule in rules::sign_rules() {
        for seed in 0..20 {
            let secret = rule.info(seed).examples.remove(0);
            for (before, after) in [
                ("see ", " end"),
                ("\"", "\","),
                ("=", ";"),
                ("\n", "\n"),
                ("a\\n", ""),
            ] {
                let out = redactor
                    .redact(&format!("{before}{secret}{after}"))
                    .into_owned();
                let shown = out
                    .strip_prefix(before)
                    .and_then(|out| out.strip_suffix(after));
                let (shown, label) = shown.and_then(|out| out.split_once("[REDACTED:")).unwrap();
                assert!(secret.starts_with(shown) && shown.len() < 8, "{}", rule.id);
                assert_eq!(label.split_once('#').unwrap().0, rule.id);
            }
            for text in [
                format!("0123456789{secret}"),
                secret[12..].to_owned(),
                format!("{secret}0123456789"),
            ] {
                assert_eq!(redactor.redact(&text), text, "{}", rule.id);
            }
        }
    }
}
