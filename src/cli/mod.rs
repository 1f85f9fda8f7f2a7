//! One file per subcommand; the only user of clap.

pub mod watch;
