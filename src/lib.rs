//! tickwire: a live market-data ticker feed service.

pub mod backoff;
pub mod cli;
pub mod client;
pub mod market;
pub mod wire;
