//! tickwire: a live market-data ticker feed service.

pub mod backoff;
pub mod engine;
pub mod fanout;
pub mod market;
pub mod monitor;
pub mod store;
pub mod wire;
