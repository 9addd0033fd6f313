//! The simulated Codex as a program of its own, for tests and benches of this crate. Users get it inside `holdfast`.

use std::process::ExitCode;

fn main() -> ExitCode {
    codex::simulated::main(std::env::args_os().skip(1))
}
