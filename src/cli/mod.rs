//! The command line: one file or folder a subcommand. The only user of clap.

mod auth;
mod bars;
mod bench;
mod check;
mod config;
mod convert;
mod cores;
mod credentials;
mod figures;
mod inspect;
mod lag;
mod link;
mod log;
mod monitoring;
mod record;
mod recording;
mod reload;
mod replay;
mod serve;
mod serve_args;
mod settings;
mod sink;
mod terminal;
mod token;
mod top;
mod watch;
mod within;

use std::io::Write;
use std::panic::AssertUnwindSafe;
use std::process::ExitCode;

use clap::{ArgMatches, CommandFactory, FromArgMatches, Parser, Subcommand};
use futures_util::FutureExt;
use tokio_util::sync::CancellationToken;

/// Live market-data ticker feed: snapshots and 10 ms binary deltas over WebSocket.
#[derive(Debug, Parser)]
#[command(name = "tickwire", version, propagate_version = true, arg_required_else_help = true)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Serve(Box<serve_args::ServeArgs>),
    Watch(watch::WatchArgs),
    Record(record::RecordArgs),
    Replay(Box<replay::ReplayArgs>),
    Convert(convert::ConvertArgs),
    Inspect(inspect::InspectArgs),
    Bench(bench::BenchArgs),
    Top(top::TopArgs),
    Monitoring(monitoring::MonitoringArgs),
    Check(Box<check::CheckArgs>),
    Token(token::TokenArgs),
    Completions(CompletionsArgs),
}

/// Prints what a shell completes, such as: source <(tickwire completions bash)
#[derive(Debug, clap::Args)]
struct CompletionsArgs {
    #[arg(value_name = "SHELL")]
    shell: Shell,
}

/// Shells that are known.
#[derive(Clone, Copy, Debug, clap::ValueEnum)]
enum Shell {
    Bash,
    Zsh,
    Fish,
}

/// Why a command ended without success.
#[derive(Debug, thiserror::Error)]
enum CliError {
    /// A setting is wrong.
    #[error(transparent)]
    Setting(#[from] settings::SettingError),
    /// `serve` could not go on.
    #[error(transparent)]
    Serve(#[from] serve::ServeError),
    /// `watch` or `top` could not go on.
    #[error(transparent)]
    Link(#[from] link::LinkError),
    /// `record` could not go on.
    #[error(transparent)]
    Record(#[from] record::RecordError),
    /// `replay` could not go on.
    #[error(transparent)]
    Replay(#[from] replay::ReplayError),
    /// `convert` could not go on.
    #[error(transparent)]
    Convert(#[from] convert::ConvertError),
    /// `inspect` could not go on.
    #[error(transparent)]
    Inspect(#[from] inspect::InspectError),
    /// `bench` could not measure, or found something wrong.
    #[error(transparent)]
    Bench(#[from] bench::BenchError),
    /// `monitoring` could not print.
    #[error(transparent)]
    Monitoring(#[from] monitoring::MonitoringError),
    /// `check` found something wrong.
    #[error(transparent)]
    Check(#[from] check::CheckError),
    /// `token` made none.
    #[error(transparent)]
    Token(#[from] token::TokenError),
    /// Nobody reads what was asked for.
    #[error("standard output: {0}")]
    Stdout(std::io::Error),
    /// Our own mistake.
    #[error("internal error, see the log")]
    Panicked,
    /// The runtime could not be started.
    #[error("the runtime could not be started: {0}")]
    Runtime(#[from] std::io::Error),
}

impl CliError {
    /// 1 failed, 2 wrong usage.
    fn exit_code(&self) -> u8 {
        match self {
            CliError::Setting(error) if error.is_usage() => 2,
            CliError::Serve(error) if error.is_usage() => 2,
            CliError::Link(error) if error.is_usage() => 2,
            CliError::Record(error) if error.is_usage() => 2,
            CliError::Replay(error) if error.is_usage() => 2,
            CliError::Convert(error) if error.is_usage() => 2,
            CliError::Inspect(error) if error.is_usage() => 2,
            CliError::Bench(error) if error.is_usage() => 2,
            CliError::Check(error) if error.is_usage() => 2,
            CliError::Token(error) if error.is_usage() => 2,
            _ => 1,
        }
    }
}

/// Runs the command of this process and says its exit code: 0 done, 1 failed, 2 wrong usage.
pub fn main() -> ExitCode {
    let matches = Cli::command().get_matches();
    let cli = Cli::from_arg_matches(&matches).unwrap_or_else(|error| error.exit());
    match run(cli.command, &matches) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // Where nobody reads it, the code says as much.
            let _ = writeln!(std::io::stderr(), "tickwire: {error}");
            ExitCode::from(error.exit_code())
        }
    }
}

fn run(command: Command, matches: &ArgMatches) -> Result<(), CliError> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let command = async {
        let stop = CancellationToken::new();
        stop_on_signal(&stop)?;
        match command {
            Command::Serve(args) => {
                let settings = settings::Settings::collect((*args).clone())?;
                Ok(serve::run(*args, settings, stop).await?)
            }
            Command::Watch(args) => Ok(watch::run(args, stop).await?),
            Command::Record(args) => Ok(record::run(args, stop).await?),
            Command::Replay(args) => Ok(replay::run(*args, stop).await?),
            Command::Convert(args) => Ok(convert::run(args, stop).await?),
            Command::Inspect(args) => Ok(inspect::run(args, stop).await?),
            Command::Bench(args) => Ok(bench::run(args, stop).await?),
            Command::Top(args) => Ok(top::run(args, stop).await?),
            Command::Monitoring(args) => Ok(monitoring::run(&args)?),
            Command::Check(args) => {
                let (_, own) = matches.subcommand().unwrap_or(("", matches));
                Ok(check::run(*args, own).await?)
            }
            Command::Token(args) => Ok(token::run(&args)?),
            Command::Completions(args) => complete(args.shell).map_err(CliError::Stdout),
        }
    };
    // Unwinding from here would wait for threads that nobody tells to end.
    let outcome = runtime.block_on(AssertUnwindSafe(command).catch_unwind());
    // A feed may sit in a read that cannot be cancelled: it must not hold up the end.
    runtime.shutdown_timeout(std::time::Duration::from_millis(100));
    outcome.unwrap_or(Err(CliError::Panicked))
}

/// Prints a shell's script.
fn complete(shell: Shell) -> std::io::Result<()> {
    let shell = match shell {
        Shell::Bash => clap_complete::Shell::Bash,
        Shell::Zsh => clap_complete::Shell::Zsh,
        Shell::Fish => clap_complete::Shell::Fish,
    };
    // Into memory first: a pipe that is closed is no reason to panic.
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "tickwire", &mut script);
    let mut stdout = std::io::stdout().lock();
    stdout.write_all(&script)?;
    stdout.flush()
}

/// SIGINT and SIGTERM ask for a clean end; a second one does not wait for it.
fn stop_on_signal(stop: &CancellationToken) -> std::io::Result<()> {
    use tokio::signal::unix::{SignalKind, signal};
    let (mut interrupt, mut terminate) = (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);
    let stop = stop.clone();
    tokio::spawn(async move {
        loop {
            tokio::select! {
                _ = interrupt.recv() => {}
                _ = terminate.recv() => {}
            }
            if stop.is_cancelled() {
                terminal::give_back();
                std::process::exit(1);
            }
            stop.cancel();
        }
    });
    Ok(())
}
