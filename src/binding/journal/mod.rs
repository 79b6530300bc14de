//! Journals, on disk and in memory.

pub(crate) mod appends;
pub(crate) mod memory;
pub(crate) mod pages;
