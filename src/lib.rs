//! tickwire: a live market-data ticker feed service.

pub mod backoff;
pub mod feed;
pub mod market;
pub mod tape;
pub mod wire;
