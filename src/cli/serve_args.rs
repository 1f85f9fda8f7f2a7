//! The flags of `tickwire serve`.

use std::path::PathBuf;

use clap::Args;
use ipnet::IpNet;

use super::cores::Cores;
use super::log::LogFormat;
use super::within::{
    Connections, FrameBytes, HeaderBytes, HeartbeatMs, Instruments, MessageBytes, PatienceMs, PerAddress, PerSecond,
    RotateBytes, RotateSeconds, Shards, Symbols,
};
use crate::server::{AllowedOrigins, ProxyHeader, TrustedProxies};

/// Serves live tickers over WebSocket, with a dashboard on the same port.
#[derive(Args, Clone, Debug, Default)]
#[command(after_help = r#"Examples:
  tickwire serve
  tickwire serve --listen 0.0.0.0:7070 --insecure --feed 'synthetic?symbols=50&rate=2000'
  tickwire serve --feed 'binance:BTCUSDT,ETHUSDT' --feed 'kraken:BTC/USD' --feed 'coinbase:BTC-USD'
  tickwire serve --feed 'replay:recording.capture.gz?speed=10&loop=true'
  tickwire serve --feed 'binance:BTCUSDT' --record 'day.tape' --record-rotate-seconds 3600
  tickwire serve --feed 'kraken:BTC/USD' --state /var/lib/tickwire
  tickwire serve --config feeds/demo.toml
  my-program | tickwire serve --feed 'ndjson:-'
  tickwire serve --feed 'ndjson:tcp://127.0.0.1:9000' --allow-control

A line of ndjson is an object with symbol and what changed, such as
  {"symbol": "own:ABC", "bid_price": "1.25", "bid_size": "10", "ts_event": "1700000000000000000"}

Every setting can also be given in the environment (TICKWIRE_LISTEN, ...; several feeds in TICKWIRE_FEED
are separated by white space) or in tickwire.toml. A flag goes before the environment, the environment
before the file."#)]
pub(super) struct ServeArgs {
    #[arg(
        long,
        value_name = "SPEC",
        help = "Feed as KIND[:TARGET][?KEY=VALUE&...], several times for several feeds [default: 'synthetic?activity=market']"
    )]
    pub(super) feed: Vec<String>,
    #[command(flatten)]
    pub(super) record: RecordingArgs,
    /// Keeps the store in this folder over restarts; a folder serves one server at a time [default: nothing is kept]
    #[arg(long, env = "TICKWIRE_STATE", value_name = "DIR")]
    pub(super) state: Option<PathBuf>,
    #[command(flatten)]
    pub(super) service: ServiceArgs,
}

/// A tape of what the feeds say.
#[derive(Args, Clone, Debug, Default)]
#[command(next_help_heading = "Recording")]
pub(super) struct RecordingArgs {
    /// Records what the feeds say to a tape, such as day.tape; a file that is there is never overwritten
    #[arg(long, env = "TICKWIRE_RECORD", value_name = "FILE")]
    pub(super) record: Option<PathBuf>,
    /// Go on in a new file when one has so many bytes, compressed; 65536 or more
    #[arg(long, env = "TICKWIRE_RECORD_ROTATE_BYTES", value_name = "N")]
    pub(super) record_rotate_bytes: Option<RotateBytes>,
    /// Go on in a new file after so many seconds
    #[arg(long, env = "TICKWIRE_RECORD_ROTATE_SECONDS", value_name = "N")]
    pub(super) record_rotate_seconds: Option<RotateSeconds>,
}

/// What every service has, whatever feeds it.
#[derive(Args, Clone, Debug, Default)]
#[command(next_help_heading = "Service")]
pub(super) struct ServiceArgs {
    /// Address to listen on; port 0 takes a free one [default: 127.0.0.1:7070]
    #[arg(long, env = "TICKWIRE_LISTEN", value_name = "ADDR")]
    pub(super) listen: Option<String>,
    /// Speaks TLS with this certificate, PEM, the chain behind it; needs --tls-key
    #[arg(long, env = "TICKWIRE_TLS_CERT", value_name = "FILE")]
    pub(super) tls_cert: Option<PathBuf>,
    /// The certificate's private key, PEM
    #[arg(long, env = "TICKWIRE_TLS_KEY", value_name = "FILE")]
    pub(super) tls_key: Option<PathBuf>,
    #[arg(
        long,
        env = "TICKWIRE_TLS_CLIENT_CA",
        value_name = "FILE",
        help = "Lets clients show certificates of these authorities, PEM; `certificates` in [auth] says who they are"
    )]
    pub(super) tls_client_ca: Option<PathBuf>,
    /// Lists of those that were revoked, PEM, one of each authority [default: none is revoked]
    #[arg(long, env = "TICKWIRE_TLS_CLIENT_CRL", value_name = "FILE")]
    pub(super) tls_client_crl: Option<PathBuf>,
    /// Lets programs on this machine push updates, POST /v1/updates, and drive a replay, POST /v1/replay [default: false]
    #[arg(long, env = "TICKWIRE_ALLOW_CONTROL", value_name = "BOOL", num_args = 0..=1, require_equals = true,
        default_missing_value = "true", value_parser = clap::builder::BoolishValueParser::new())]
    pub(super) allow_control: Option<bool>,
    /// Pages of other hosts that may read, over HTTP and WebSocket, such as https://a.example,https://b.example:8443;
    /// * for all [default: none]
    #[arg(long, env = "TICKWIRE_ALLOWED_ORIGINS", value_name = "LIST")]
    pub(super) allowed_origins: Option<AllowedOrigins>,
    /// Serves other machines though no credentials are configured: whoever reaches it sees everything [default: false]
    #[arg(long, env = "TICKWIRE_INSECURE", value_name = "BOOL", num_args = 0..=1, require_equals = true,
        default_missing_value = "true", value_parser = clap::builder::BoolishValueParser::new())]
    pub(super) insecure: Option<bool>,
    /// Configuration file [default: tickwire.toml, if it is there]
    #[arg(long, env = "TICKWIRE_CONFIG", value_name = "FILE")]
    pub(super) config: Option<PathBuf>,
    /// Fan-out threads [default: number of cores, of --cores where they are given]
    #[arg(long, env = "TICKWIRE_SHARDS", value_name = "N")]
    pub(super) shards: Option<Shards>,
    /// Cores to run on, such as 0,2-3: each fan-out thread on one of them, the rest on all [default: as the system likes]
    #[arg(long, env = "TICKWIRE_CORES", value_name = "LIST")]
    pub(super) cores: Option<Cores>,
    /// Writes to many subscribers with one system call where the system allows it: io_uring of Linux [default: true]
    #[arg(long, env = "TICKWIRE_IO_URING", value_name = "BOOL", num_args = 0..=1, require_equals = true,
        default_missing_value = "true", value_parser = clap::builder::BoolishValueParser::new())]
    pub(super) io_uring: Option<bool>,
    /// Subscribers at a time [default: 16384]
    #[arg(long, env = "TICKWIRE_MAX_CONNECTIONS", value_name = "N")]
    pub(super) max_connections: Option<Connections>,
    /// Of these, from one IPv4 address or IPv6 /64 [default: 256; none for loopback addresses]
    #[arg(long, env = "TICKWIRE_MAX_CONNECTIONS_PER_ADDRESS", value_name = "N")]
    pub(super) max_connections_per_address: Option<PerAddress>,
    /// Connections that one address may begin in a second [default: 50; none for loopback addresses]
    #[arg(long, env = "TICKWIRE_MAX_HANDSHAKES_PER_SECOND", value_name = "N")]
    pub(super) max_handshakes_per_second: Option<PerSecond>,
    /// Time for a TLS handshake, and again for a request's head [default: 10000]
    #[arg(long, env = "TICKWIRE_HANDSHAKE_MS", value_name = "MS")]
    pub(super) handshake_ms: Option<PatienceMs>,
    /// Largest head of a request [default: 32768]
    #[arg(long, env = "TICKWIRE_MAX_HEADER_BYTES", value_name = "BYTES")]
    pub(super) max_header_bytes: Option<HeaderBytes>,
    /// Messages that a subscriber may send in a second, ten seconds' worth at once; over plain HTTP an address has ten subscribers' worth [default: 200]
    #[arg(long, env = "TICKWIRE_MAX_MESSAGES_PER_SECOND", value_name = "N")]
    pub(super) max_messages_per_second: Option<PerSecond>,
    /// Symbols that it may subscribe, take back or read in a second, likewise; a pattern counts as 100 [default: 10000]
    #[arg(long, env = "TICKWIRE_MAX_SYMBOLS_PER_SECOND", value_name = "N")]
    pub(super) max_symbols_per_second: Option<PerSecond>,
    /// Proxies that say who their client is, such as 10.0.0.0/8,2001:db8::1 [default: none]
    #[arg(long, env = "TICKWIRE_TRUSTED_PROXIES", value_name = "LIST", value_delimiter = ',', value_parser = TrustedProxies::network)]
    pub(super) trusted_proxies: Vec<IpNet>,
    /// Where they say it: x-forwarded-for, or forwarded (RFC 7239) [default: x-forwarded-for]
    #[arg(long, env = "TICKWIRE_PROXY_HEADER", value_name = "HEADER")]
    pub(super) proxy_header: Option<ProxyHeader>,
    /// Symbols and instruments that a subscriber may hold when it subscribes [default: 100000]
    #[arg(long, env = "TICKWIRE_MAX_SYMBOLS", value_name = "N")]
    pub(super) max_symbols: Option<Symbols>,
    /// Instruments that the store takes [default: 1000000]
    #[arg(long, env = "TICKWIRE_MAX_INSTRUMENTS", value_name = "N")]
    pub(super) max_instruments: Option<Instruments>,
    /// Largest message taken from a client [default: 65536]
    #[arg(long, env = "TICKWIRE_MAX_MESSAGE_BYTES", value_name = "BYTES")]
    pub(super) max_message_bytes: Option<MessageBytes>,
    /// Largest message sent, inflated [default: 65536]
    #[arg(long, env = "TICKWIRE_FRAME_BYTES_MAX", value_name = "BYTES")]
    pub(super) frame_bytes_max: Option<FrameBytes>,
    /// Time that a subscriber has to read a frame before it is let go [default: 30000]
    #[arg(long, env = "TICKWIRE_SLOW_CONSUMER_MS", value_name = "MS")]
    pub(super) slow_consumer_ms: Option<PatienceMs>,
    /// Silence after which a heartbeat is sent [default: 1000]
    #[arg(long, env = "TICKWIRE_HEARTBEAT_MS", value_name = "MS")]
    pub(super) heartbeat_ms: Option<HeartbeatMs>,
    /// Time between WebSocket pings, and for the answer to one [default: 20000]
    #[arg(long, env = "TICKWIRE_PING_MS", value_name = "MS")]
    pub(super) ping_ms: Option<PatienceMs>,
    /// error, warn, info, debug or trace [default: info]
    #[arg(long, env = "TICKWIRE_LOG_LEVEL", value_name = "LEVEL", value_parser = super::log::level)]
    pub(super) log_level: Option<tracing::Level>,
    /// Lines for people, text, or an object each, json [default: text]
    #[arg(long, env = "TICKWIRE_LOG_FORMAT", value_name = "FORMAT", value_parser = LogFormat::parse)]
    pub(super) log_format: Option<LogFormat>,
}
