//! The scripted model as a program of its own, for trying the real Codex by hand. Users get it inside `holdfast`.

use std::process::ExitCode;

fn main() -> ExitCode {
    codex::scripted_model::main(std::env::args_os().skip(1))
}
