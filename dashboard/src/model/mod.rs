//! The state of the dashboard: frames and commands in, what is drawn and what is asked for out. Nothing here reads a
//! clock, a terminal or a socket.

pub mod inspected;
pub mod load;
pub mod log;
pub mod table;
pub mod tree;
