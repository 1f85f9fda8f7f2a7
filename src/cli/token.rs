//! `tickwire token`: makes a token, shows it once, and prints the block for the file of tokens.

use std::io::{self, Write};

use clap::Args;

use crate::auth::NewToken;
use crate::market::Ts;

/// Makes a token: the token itself goes to standard error, once, and its block for the file of tokens to standard output.
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  tickwire token alice --entitlement pro >> tokens.toml
  tickwire token bob --entitlement basic --expires 2027-01-01T00:00:00Z >> tokens.toml

The file holds a hash of the token: nobody can make the token of it, so whoever has lost it needs another.")]
pub(super) struct TokenArgs {
    /// Whose it is: counts connections, and stands in the log
    #[arg(value_name = "NAME")]
    name: String,
    /// What it allows, a table [entitlement.NAME] of the configuration
    #[arg(long, value_name = "NAME")]
    entitlement: String,
    /// When it ends, RFC 3339 or ns since 1970 [default: never]
    #[arg(long, value_name = "TIME", value_parser = time)]
    expires: Option<Ts>,
}

/// Why there is no token.
#[derive(Debug, thiserror::Error)]
pub(super) enum TokenError {
    #[error("{0}")]
    Refused(String),
    #[error("the token cannot be shown: {0}")]
    Output(#[from] io::Error),
}

impl TokenError {
    /// Whether the user has to write something else.
    pub(super) fn is_usage(&self) -> bool {
        matches!(self, TokenError::Refused(_))
    }
}

/// Makes one.
pub(super) fn run(args: &TokenArgs) -> Result<(), TokenError> {
    let token = NewToken::new(&args.name, &args.entitlement, args.expires).map_err(TokenError::Refused)?;
    // First what cannot be had again; only then is there something to believe.
    writeln!(io::stderr(), "the token, shown this once: {}", token.secret)?;
    let mut stdout = io::stdout().lock();
    write!(stdout, "\n{token}")?;
    Ok(stdout.flush()?)
}

fn time(text: &str) -> Result<Ts, String> {
    Ts::parse(text).ok_or_else(|| format!("{} is allowed", Ts::ALLOWED))
}
