//! Shell commands: which one a step stands for, and what a command would print. Nothing is executed here.

use std::{collections::VecDeque, time::Duration};

use super::{SecretPlace, Step, secret};

/// Lines that `seq` prints at most; more is an `output` step.
const MAX_SEQ_LINES: i64 = 1_000_000;

/// What a command would do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fabricated {
    /// Output and pauses, in order.
    pub pieces: Vec<Piece>,
    /// The exit code.
    pub exit_code: i32,
}

/// A part of what a command does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Piece {
    /// It prints this.
    Output(String),
    /// It is silent so long.
    Pause(Duration),
}

impl Step {
    /// The shell command that makes a real shell do this step; `None` for steps that are no command.
    pub fn command(&self, seed: u64) -> Option<String> {
        match self {
            Self::Run { cmd } | Self::Approve { cmd, .. } => Some(cmd.clone()),
            Self::Output(stream) => {
                let pause = stream.rate.due(1).map_or(String::new(), |gap| {
                    format!("system(\"sleep {}\");", gap.as_secs_f64())
                });
                // The first 100 ms of a command's output never reach the client as deltas, hence the sleep.
                Some(format!(
                    "sleep 0.2; awk 'BEGIN{{while(length(p)<{})p=p\".\";for(i=0;i<{};i++){{printf \"o%06d %s\\n\",i,p;{pause}}}}}'",
                    stream.size.saturating_sub(9),
                    stream.count
                ))
            }
            Self::Secret {
                kind,
                place: SecretPlace::Command,
                ..
            } => Some(format!("echo {}", quote(&secret(*kind, seed)))),
            Self::Secret {
                kind,
                cut,
                place: SecretPlace::Output,
            } => {
                let secret = secret(*kind, seed);
                let pieces = cut_bytes(&secret, *cut);
                let prints = pieces
                    .iter()
                    .map(|piece| format!("printf '{}'", octal(piece)));
                Some(format!(
                    "sleep 0.2; {}; echo",
                    prints.collect::<Vec<_>>().join("; sleep 0.05; ")
                ))
            }
            Self::Env => Some("env | cut -d= -f1 | sort".to_owned()),
            Self::Spawn { sleep, setsid } => Some(format!(
                "{}sleep {sleep} >/dev/null 2>&1 & echo $!",
                if *setsid { "setsid " } else { "" }
            )),
            _ => None,
        }
    }
}

/// Cuts ASCII text into pieces of `cut` bytes; 0 leaves it whole.
pub fn cut_bytes(text: &str, cut: usize) -> Vec<&str> {
    let cut = if cut == 0 { text.len() } else { cut };
    (0..text.len())
        .step_by(cut.max(1))
        .map(|from| &text[from..text.len().min(from + cut)])
        .collect()
}

/// The bytes as octal escapes of `printf`, so that the command's own text does not hold what it prints.
fn octal(text: &str) -> String {
    text.bytes().map(|byte| format!("\\{byte:03o}")).collect()
}

fn quote(text: &str) -> String {
    format!("'{}'", text.replace('\'', "'\\''"))
}

/// What the commands that people try would print. Others say that nothing was run.
pub fn fabricate(command: &str, cwd: &str) -> Fabricated {
    let mut pieces = Vec::new();
    let mut exit_code = 0;
    for part in split(command) {
        if part.is_empty() {
            continue;
        }
        exit_code = 0;
        match part
            .iter()
            .map(String::as_str)
            .collect::<Vec<_>>()
            .as_slice()
        {
            ["echo", rest @ ..] => pieces.push(Piece::Output(format!("{}\n", rest.join(" ")))),
            ["printf", "%s", rest @ ..] => pieces.push(Piece::Output(rest.concat())),
            ["printf", rest @ ..] => pieces.push(Piece::Output(unescape(&rest.join(" ")))),
            ["seq", rest @ ..] => pieces.push(Piece::Output(seq(rest))),
            ["ls", ..] => pieces.push(Piece::Output(
                "Cargo.toml\nREADME.md\nsrc\ntests\n".to_owned(),
            )),
            ["cat", file, ..] => pieces.push(Piece::Output(format!(
                "(simulated) the contents of {file}\n"
            ))),
            ["pwd"] => pieces.push(Piece::Output(format!("{cwd}\n"))),
            ["sleep", time, ..] => pieces.push(Piece::Pause(seconds(time))),
            ["true" | "touch" | "mkdir" | "rm" | "cd" | "cp" | "mv", ..] => {}
            ["false"] => exit_code = 1,
            ["exit", code] => {
                exit_code = code.parse().unwrap_or(2);
                break;
            }
            _ => pieces.push(Piece::Output(format!(
                "(simulated) nothing was run for: {}\n",
                part.join(" ")
            ))),
        }
    }
    Fabricated { pieces, exit_code }
}

fn seconds(text: &str) -> Duration {
    let seconds: f64 = text.parse().unwrap_or(0.0);
    if seconds.is_finite() {
        Duration::from_secs_f64(seconds.clamp(0.0, 3600.0))
    } else {
        Duration::ZERO
    }
}

fn seq(numbers: &[&str]) -> String {
    let numbers: Vec<i64> = numbers
        .iter()
        .filter_map(|number| number.parse().ok())
        .collect();
    let (first, step, last) = match numbers.as_slice() {
        [last] => (1, 1, *last),
        [first, last] => (*first, 1, *last),
        [first, step, last] if *step > 0 => (*first, *step, *last),
        _ => return "seq: missing operand\n".to_owned(),
    };
    let last = last.min(first.saturating_add(step.saturating_mul(MAX_SEQ_LINES - 1)));
    (first..=last)
        .step_by(step as usize)
        .map(|number| format!("{number}\n"))
        .collect()
}

fn unescape(text: &str) -> String {
    let mut plain = String::new();
    let mut letters: VecDeque<char> = text.chars().collect();
    while let Some(letter) = letters.pop_front() {
        if letter != '\\' {
            plain.push(letter);
            continue;
        }
        match letters.pop_front() {
            Some('n') => plain.push('\n'),
            Some('t') => plain.push('\t'),
            Some(digit @ '0'..='7') => {
                let mut code = digit as u32 - '0' as u32;
                while let Some(digit) = letters
                    .front()
                    .and_then(|letter| letter.to_digit(8))
                    .filter(|_| code < 32)
                {
                    code = code * 8 + digit;
                    letters.pop_front();
                }
                plain.push(char::from_u32(code).unwrap_or('\u{fffd}'));
            }
            Some(other) => plain.push(other),
            None => {}
        }
    }
    plain
}

/// The simple commands of a command line and their words, quotes removed; `;`, `&&` and newlines separate.
fn split(command: &str) -> Vec<Vec<String>> {
    let mut commands = vec![Vec::new()];
    let (mut word, mut in_word, mut quote) = (String::new(), false, None);
    let mut letters = command.chars().peekable();
    while let Some(letter) = letters.next() {
        match (quote, letter) {
            (Some(open), letter) if open == letter => quote = None,
            (Some('"'), '\\') => word.extend(letters.next()),
            (Some(_), letter) => word.push(letter),
            (None, '"' | '\'') => {
                quote = Some(letter);
                in_word = true;
            }
            (None, ' ' | '\t' | ';' | '\n') => {
                end_word(&mut commands, &mut word, &mut in_word);
                if matches!(letter, ';' | '\n') {
                    commands.push(Vec::new());
                }
            }
            (None, '&') if letters.next_if_eq(&'&').is_some() => {
                end_word(&mut commands, &mut word, &mut in_word);
                commands.push(Vec::new());
            }
            (None, letter) => {
                word.push(letter);
                in_word = true;
            }
        }
    }
    end_word(&mut commands, &mut word, &mut in_word);
    commands
}

fn end_word(commands: &mut [Vec<String>], word: &mut String, in_word: &mut bool) {
    if std::mem::take(in_word) {
        let command = commands
            .last_mut()
            .expect("there is always a command being read");
        command.push(std::mem::take(word));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::SecretKind;

    fn output(command: &str) -> (String, i32) {
        let fabricated = fabricate(command, "/src");
        let text = fabricated.pieces.iter().map(|piece| match piece {
            Piece::Output(text) => text.clone(),
            Piece::Pause(pause) => format!("<{}>", pause.as_millis()),
        });
        (text.collect(), fabricated.exit_code)
    }

    #[test]
    fn known_commands_print_what_a_shell_would() {
        assert_eq!(output("seq 1 3"), ("1\n2\n3\n".to_owned(), 0));
        assert_eq!(
            output("echo 'a;  b' && pwd"),
            ("a;  b\n/src\n".to_owned(), 0)
        );
        assert_eq!(
            output("echo early; sleep 0.5; echo late"),
            ("early\n<500>late\n".to_owned(), 0)
        );
        assert_eq!(
            output("echo hi; exit 3; echo never"),
            ("hi\n".to_owned(), 3)
        );
        assert_eq!(output("false"), (String::new(), 1));
    }

    #[test]
    fn an_unknown_command_says_that_nothing_was_run() {
        assert_eq!(
            output("cargo test"),
            (
                "(simulated) nothing was run for: cargo test\n".to_owned(),
                0
            )
        );
    }

    #[test]
    fn a_secret_in_an_output_is_not_in_its_command() {
        let step = Step::Secret {
            kind: SecretKind::PrivateKey,
            cut: 7,
            place: SecretPlace::Output,
        };
        let command = step.command(0).unwrap();
        let printed: String = output(&command)
            .0
            .split('<')
            .map(|part| part.split_once('>').map_or(part, |(_, text)| text))
            .collect();
        assert_eq!(printed, format!("{}\n", secret(SecretKind::PrivateKey, 0)));
        assert!(!command.contains("PRIVATE"));
    }
}
