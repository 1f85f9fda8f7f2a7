//! `tickwire monitoring`: what others need to watch a server, made of the names that this binary counts under.

mod alerts;
mod dashboard;

use std::io::{self, Write};

use clap::{Args, Subcommand};

/// Prints alert rules or a dashboard that match this version's metrics.
#[derive(Args, Debug)]
#[command(after_help = r#"Examples:
  tickwire monitoring alerts > /etc/prometheus/rules/tickwire.yml
  tickwire monitoring dashboard > tickwire.json

The rules take a server for one by its job: the scrape's job_name is to be tickwire."#)]
pub(super) struct MonitoringArgs {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// Alert rules for Prometheus, in YAML
    Alerts,
    /// A dashboard for Grafana to import, in JSON
    Dashboard,
}

/// Why nothing could be printed.
#[derive(Debug, thiserror::Error)]
pub(super) enum MonitoringError {
    #[error("standard output: {0}")]
    Stdout(#[from] io::Error),
}

/// Prints what is asked for.
pub(super) fn run(args: &MonitoringArgs) -> Result<(), MonitoringError> {
    let text = match args.what {
        What::Alerts => alerts::rules(),
        What::Dashboard => dashboard::dashboard(),
    };
    let mut stdout = io::stdout().lock();
    stdout.write_all(text.as_bytes())?;
    Ok(stdout.flush()?)
}
