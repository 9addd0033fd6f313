//! The launcher as a program of its own, as the tests start it: `codex-launcher PROGRAM [ARGS]`.
//!
//! The host does not need it: it has the same as a hidden subcommand.

fn main() {
    codex::process::launcher::exec(std::env::args_os().skip(1))
}
