//! The fan-out's promises, without a thread and without a socket.

mod law;
mod model;
mod row;
mod socket;
mod view;
mod world;
