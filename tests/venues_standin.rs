//! The local venues do what the real ones do, and what they are told to do wrong.

mod support;

#[path = "venues_standin/binance.rs"]
mod binance;
#[path = "venues_standin/client.rs"]
mod client;
#[path = "venues_standin/coinbase.rs"]
mod coinbase;
#[path = "venues_standin/faults.rs"]
mod faults;
#[path = "venues_standin/kraken.rs"]
mod kraken;
