//! A deterministic simulator that drives the engine through its public interface, and the bars it must reach.

mod report;
mod table;
mod world;
