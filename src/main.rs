//! The `tickwire` command.

fn main() -> std::process::ExitCode {
    tickwire::cli::main()
}
