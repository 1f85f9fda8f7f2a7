//! tickwire: a live market-data ticker feed service.

pub mod backoff;
pub mod market;
pub mod store;
pub mod wire;
