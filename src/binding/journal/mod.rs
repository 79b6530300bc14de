//! Journals, on disk and in memory.

pub(crate) mod appends;
mod drafts;
pub(crate) mod memory;
pub(crate) mod pages;
pub(crate) mod protocol;
pub(crate) mod streams;
