//! A deterministic simulator that drives the engine through its public interface, and the bars it must reach.

mod bars;
mod report;
mod table;
mod world;
