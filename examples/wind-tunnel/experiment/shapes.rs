//! E13: telemetry that is healthy and not tame.

use std::cell::Cell;
use std::f64::consts::TAU;

use keelson::core::random::Random;

use super::normal::{Level, Share, VOLTAGES};
use crate::lab::{Lab, Spread};
use crate::policy::told::Kind;
use crate::report::{Page, figure};

thread_local! { static SMOOTH: Cell<f64> = const { Cell::new(0.0) }; }

type Shape = (&'static str, fn(&mut Random, f64) -> Level);

/// Telemetry that is healthy and not tame.
const SHAPES: [Shape; 15] = [
    ("a smoothed error rate (weight 0.1) of 10 %", |r, t| {
        SMOOTH.with(|s| {
            let before = if t == 0.0 { 0.1 } else { s.get() };
            s.set(before + 0.1 * (f64::from(u8::from(r.unit() < 0.1)) - before));
            [20.0, s.get(), 0.3]
        })
    }),
    ("two kinds of calls, 5 and 500 ms, one in five slow", |r, _| {
        [if r.unit() < 0.2 { 500.0 } else { 5.0 }, 0.0, 0.3]
    }),
    ("the same in turns of 5 s", |_, t| [if t % 10.0 < 5.0 { 10.0 } else { 100.0 }, 0.0, 0.3]),
    ("latency of a heavy tail (Pareto, 1.2)", |r, _| {
        [10.0 * (1.0 - r.unit()).powf(-1.0 / 1.2), 0.0, 0.3]
    }),
    ("latency log-normal, sigma 1.5", |r, _| [20.0 * (1.5 * gauss(r)).exp(), 0.0, 0.3]),
    ("a pause of 60 s in one call of 1000", |r, _| {
        [if r.unit() < 0.001 { 60_000.0 } else { 20.0 }, 0.0, 0.3]
    }),
    ("errors 0 or 1 a call, 5 %", |r, _| [20.0, f64::from(u8::from(r.unit() < 0.05)), 0.3]),
    ("errors 0 or 1 a call, 1 in 1000", |r, _| [20.0, f64::from(u8::from(r.unit() < 0.001)), 0.3]),
    ("nothing ever moves", |_, _| [20.0, 0.0, 0.5]),
    ("latency 0 or 1 ms", |r, _| [(2.0 * r.unit()).floor(), 0.0, 0.1]),
    ("saturation 0.9 and 30 %, Gaussian", |r, _| [20.0, 0.0, (0.9 + 0.27 * gauss(r)).max(0.0)]),
    ("waves of a minute, three times up and down", |_, t| {
        [30.0 * (1.1 * (t / 60.0 * TAU).sin()).exp(), 0.0, 0.3]
    }),
    ("waves of an hour, five times up and down", |_, t| {
        [30.0 * (1.6 * (t / 3600.0 * TAU).sin()).exp(), 0.0, 0.5 + 0.4 * (t / 3600.0 * TAU).sin()]
    }),
    ("counters that are reset: a report of zeros in 100", |r, _| {
        if r.unit() < 0.01 { [0.0; 3] } else { [50.0, 0.02, 0.5] }
    }),
    ("a saturation of 1e9 in 1000", |r, _| [50.0, 0.02, if r.unit() < 0.001 { 1e9 } else { 0.5 }]),
];

fn gauss(random: &mut Random) -> f64 {
    (-2.0 * (1.0 - random.unit()).ln()).sqrt() * (TAU * random.unit()).cos()
}

pub fn shapes(lab: &Lab, page: &mut Page) {
    page.line("**Shapes** that stay as they are: refused, per cent, of the lowest priority and of the default voltage, median / worst of 20 seeds, cold start included.");
    let rates: &[f64] = if lab.quick { &[1.0, 20.0] } else { &[0.02, 1.0, 10.0, 100.0, 1000.0] };
    let (mut table, mut most) = (Vec::new(), 0.0_f64);
    for (name, shape) in SHAPES {
        let mut row = vec![name.to_owned()];
        for &rate in rates {
            let found = lab.each(usize::try_from(lab.seeds).unwrap_or(1).min(20), |seed| {
                let mut door = Kind::Ours.open(seed as u64);
                let mut random = Random::new(seed as u64);
                let [mut low, mut default] = [Share::default(); 2];
                let seconds = if rate < 1.0 { 36_000.0 } else { 7200.0_f64.min(300_000.0 / rate) };
                let (mut step, mut turn) = (0.0, 0);
                while step < seconds * rate {
                    let at = step / rate;
                    let voltage = VOLTAGES[turn % VOLTAGES.len()];
                    turn += 1;
                    let told = shape(&mut random, at);
                    let refused = !door.tell(told, voltage, 1000.0 * at);
                    if voltage < 30.0 {
                        low.count(refused);
                    } else if voltage == 100.0 {
                        default.count(refused);
                    }
                    step += 1.0;
                }
                [low.percent(), default.percent()]
            });
            for i in 0..2 {
                let spread = Spread::of(found.iter().map(|f| f[i]));
                row.push(spread.most());
                most = most.max(spread.high);
            }
        }
        table.push(row);
    }
    let head: Vec<String> = std::iter::once("shape".to_owned())
        .chain(
            rates
                .iter()
                .flat_map(|rate| [format!("lowest, {rate}/s"), format!("default, {rate}/s")]),
        )
        .collect();
    page.table(&head.iter().map(String::as_str).collect::<Vec<_>>(), &table);
    page.bar(
        "E13: wild shapes, refused ≤ 1 %, worst seed",
        format!("{} %", figure(most)),
        most <= 1.0,
    );
}
