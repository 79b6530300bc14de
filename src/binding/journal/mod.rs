//! Durable journals.

pub(crate) mod appends;
pub(crate) mod pages;
