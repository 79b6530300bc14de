//! The wind tunnel: what the gate and its rivals do with the same traffic, in virtual time.
//!
//! `npm run wind-tunnel` builds and runs it. The same seeds give the same page, byte by byte, on any number of threads.

#![allow(unreachable_pub, reason = "a program exports nothing; `pub` says what a module is for")]

mod experiment;
mod lab;
mod policy;
mod report;
mod world;

use std::io::Write;
use std::path::{Path, PathBuf};

use lab::Lab;
use report::Page;
use world::{Load, Scenario};

/// What is asked for on the command line.
struct Asked {
    lab: Lab,
    out: PathBuf,
    only: Vec<String>,
}

fn asked() -> Result<Asked, String> {
    let mut lab = Lab { seeds: 100, threads: 2, quick: false };
    let (mut out, mut only, mut seeds) = (PathBuf::from("target/tunnel"), Vec::new(), None);
    // The first is the program's own name.
    let mut args = std::env::args().skip(1);
    while let Some(arg) = args.next() {
        let mut value = || args.next().ok_or(format!("{arg} needs a value"));
        let number = |text: String| text.parse().map_err(|_| format!("{text} is not a number"));
        match arg.as_str() {
            "--quick" => lab.quick = true,
            "--seeds" => seeds = Some(number(value()?)?),
            "--threads" => lab.threads = usize::try_from(number(value()?)?).unwrap_or(1).max(1),
            "--out" => out = PathBuf::from(value()?),
            "--only" => only.extend(value()?.split(',').map(str::to_owned)),
            _ => return Err(format!("the wind tunnel does not know {arg}")),
        }
    }
    let known = |name: &String| experiment::ALL.iter().any(|(known, _)| known == name);
    if let Some(name) = only.iter().find(|name| !known(name)) {
        return Err(format!("there is no experiment {name}"));
    }
    lab.seeds = seeds.unwrap_or(if lab.quick { 5 } else { 100 }).max(1);
    Ok(Asked { lab, out, only })
}

/// Runs what was asked for; the experiments and what they came to.
fn examine(asked: &Asked, mut told: impl FnMut(&str)) -> Page {
    let mut page = Page::default();
    for (name, experiment) in experiment::ALL {
        if asked.only.is_empty() || asked.only.iter().any(|only| only == name) {
            experiment(&asked.lab, &mut page);
            told(name);
        }
    }
    page
}

/// The page as a file, and its pictures in a folder beside it.
fn write(out: &Path, page: &Page, lab: &Lab) -> std::io::Result<()> {
    let folder = out.join("wind-tunnel");
    std::fs::create_dir_all(&folder)?;
    for (name, svg) in &page.pictures {
        std::fs::write(folder.join(name), svg)?;
    }
    std::fs::write(out.join("wind-tunnel.md"), whole(page, lab))
}

/// What stands above the experiments, and they.
fn whole(page: &Page, lab: &Lab) -> String {
    let bars: Vec<Vec<String>> = page
        .bars
        .iter()
        .map(|bar| {
            let met = if bar.met { "yes" } else { "**no**" };
            vec![bar.what.clone(), bar.found.clone(), met.to_owned()]
        })
        .collect();
    let met = page.bars.iter().filter(|bar| bar.met).count();
    let mut top = Page { text: include_str!("about.md").to_owned(), ..Page::default() };
    top.heading("What was to be reached");
    let seeds = lab.seeds;
    top.line(&format!(
        "{met} of {} met, {seeds} seeds a cell unless a table says otherwise; median / worst seed.",
        page.bars.len()
    ));
    top.table(&["bar", "found", "met"], &bars);
    top.text + page.text.trim_end() + "\n"
}

fn main() -> std::io::Result<()> {
    let mut out = std::io::stdout().lock();
    let asked = match asked() {
        Ok(asked) => asked,
        Err(sentence) => {
            return Err(std::io::Error::new(std::io::ErrorKind::InvalidInput, sentence));
        }
    };
    let page = examine(&asked, |name| {
        let _ = writeln!(std::io::stderr(), "{name} done");
    });
    let step = Scenario::standard(Load::Steps(vec![(10.0, 0.5), (30.0, 2.0), (45.0, 0.5)]), 45.0);
    writeln!(
        out,
        "0.5 to 2 times the capacity and back, 45 s, seed 0:\n{}",
        experiment::terminal(&step)
    )?;
    for bar in &page.bars {
        writeln!(
            out,
            "{}  {} — {}",
            if bar.met { "met   " } else { "MISSED" },
            bar.what,
            bar.found
        )?;
    }
    write(&asked.out, &page, &asked.lab)
}

#[cfg(test)]
mod tests;
