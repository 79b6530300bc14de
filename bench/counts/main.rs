//! The core's hot loops, one at a time, for `npm run bench -- counts`, which counts their instructions under callgrind.
//!
//! `counts` lists the loops. `counts <loop> <operations>` sets the loop up and runs it that often. The same arguments do
//! the same work, so the difference between two runs is what the further operations cost, without the set-up.

#![allow(unreachable_pub, reason = "a program exports nothing; `pub` says what a module is for")]

mod actors;
mod admission;
mod choices;
mod inputs;
mod keys;
mod storage;
mod timers;

use std::io::Write;

/// Sets up, runs so many operations, and returns how many of them it saw done.
pub type Body = fn(u32) -> u32;

/// One hot loop.
#[derive(Debug)]
pub struct Loop {
    /// The name on the command line and in the table.
    pub name: &'static str,
    /// The operation that is counted.
    pub operation: &'static str,
    /// The loop itself.
    pub body: Body,
}

/// The operations of the shorter of the two runs that are compared. A multiple of every loop's batch.
const OPERATIONS: u32 = 40_000;

fn loops() -> impl Iterator<Item = &'static Loop> {
    let all = [
        timers::LOOPS,
        actors::LOOPS,
        admission::LOOPS,
        keys::LOOPS,
        storage::LOOPS,
        choices::LOOPS,
    ];
    all.into_iter().flatten()
}

/// Runs a loop, and makes sure that it did the work.
fn run(name: &str, operations: u32) -> Result<(), String> {
    let Loop { body, .. } =
        loops().find(|each| each.name == name).ok_or(format!("there is no loop {name}"))?;
    let done = body(operations);
    if done == operations {
        return Ok(());
    }
    Err(format!("{name} did {done} of {operations} operations"))
}

fn answer(arguments: &[String], out: &mut impl Write) -> Result<(), String> {
    match arguments {
        [] => {
            for Loop { name, operation, .. } in loops() {
                writeln!(out, "{name}\t{OPERATIONS}\t{operation}")
                    .map_err(|error| error.to_string())?;
            }
            Ok(())
        }
        [name, operations] => {
            let count = operations.parse().map_err(|_| format!("{operations} is no number"))?;
            run(name, count)
        }
        _ => Err("the arguments are a loop and a number of operations, or none".to_owned()),
    }
}

fn main() -> std::io::Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    answer(&arguments, &mut std::io::stdout().lock()).map_err(std::io::Error::other)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_loop_does_its_operations() {
        for Loop { name, .. } in loops() {
            assert_eq!(run(name, OPERATIONS / 10), Ok(()));
        }
    }

    #[test]
    fn names_are_different() {
        let mut names: Vec<_> = loops().map(|each| each.name).collect();
        names.sort_unstable();
        let count = names.len();
        names.dedup();
        assert_eq!(names.len(), count);
    }
}
