//! Converts between JavaScript and the core; decides nothing.
