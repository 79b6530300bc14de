//! E13: `route()` learns what is normal for a service, whatever that is. Telemetry is made up, not simulated: nothing
//! that is refused changes what is told next, so that every door hears the same.

use keelson::core::random::Random;

use crate::lab::{Lab, Spread};
use crate::policy::told::{Door, Kind};
use crate::report::{Page, figure};

/// Latency in milliseconds, error rate, saturation.
pub type Level = [f64; 3];

/// The voltages that ask in turn: every priority, the default as often as all others.
pub const VOLTAGES: [f64; 8] = [25.0, 100.0, 40.0, 100.0, 60.0, 100.0, 80.0, 100.0];

/// What is told, and how often.
pub struct Teller {
    random: Random,
    pub rate: f64,
    pub now: f64,
    told: usize,
}

impl Teller {
    pub fn new(rate: f64, seed: u64) -> Self {
        Self { random: Random::new(seed), rate, now: 1000.0, told: 0 }
    }

    /// `level` with each signal up to 30 % off, for so many seconds; `heard` is told time since the start of it,
    /// voltage, and whether it was refused.
    pub fn tell(
        &mut self,
        door: &mut dyn Door,
        seconds: f64,
        level: impl Fn(f64) -> Level,
        mut heard: impl FnMut(f64, f64, bool),
    ) {
        let (start, mut step) = (self.now, 0.0);
        while step < seconds * self.rate {
            self.now = start + 1000.0 * step / self.rate;
            let at = step / self.rate;
            let [latency, errors, saturation] =
                level(at).map(|x| x * (0.7 + 0.6 * self.random.unit()));
            let voltage = VOLTAGES[self.told % VOLTAGES.len()];
            self.told += 1;
            let allowed = door.tell([latency, errors.min(1.0), saturation], voltage, self.now);
            heard(at, voltage, !allowed);
            step += 1.0;
        }
        self.now = start + 1000.0 * seconds;
    }
}

/// The grid: 5 latencies, 4 error rates, 4 saturations.
fn loads() -> Vec<Level> {
    let mut loads = Vec::new();
    for latency in [1.0, 30.0, 300.0, 1500.0, 10_000.0] {
        for errors in [0.0, 0.02, 0.05, 0.1] {
            for saturation in [0.0, 0.1, 0.5, 0.9] {
                loads.push([latency, errors, saturation]);
            }
        }
    }
    loads
}

/// Refused, per cent.
#[derive(Debug, Clone, Copy, Default)]
pub struct Share {
    refused: f64,
    all: f64,
}

impl Share {
    pub fn count(&mut self, refused: bool) {
        self.refused += f64::from(u8::from(refused));
        self.all += 1.0;
    }

    pub fn percent(self) -> f64 {
        if self.all > 0.0 { 100.0 * self.refused / self.all } else { 0.0 }
    }
}

pub fn normal(lab: &Lab, page: &mut Page) {
    page.heading("E13. What is normal for a service");
    page.line("`route()` receives telemetry of services of many kinds, each signal with 30 % of noise, and asked for every priority in turn. *Classic* are the formulas of the earlier library with its break at mean + 3 deviations; *SLO given* is ours with an SLO that says that 100 ms, 1 % of errors and a saturation of 0.5 are normal, as all services were judged before it learned; *with momentum* has the weight of momentum that the earlier library gives it.");
    steady(lab, page);
    turns(lab, page);
    levels(lab, page);
    super::shapes::shapes(lab, page);
}

fn seeds(lab: &Lab) -> usize {
    usize::try_from(lab.seeds).unwrap_or(1)
}

/// Each of the 80 loads, at rates from 1 to 10 000 a second: what is refused although nothing ever changes.
fn steady(lab: &Lab, page: &mut Page) {
    let rates: &[(f64, f64)] = if lab.quick {
        &[(1.0, 200.0), (100.0, 30.0)]
    } else {
        &[(1.0, 300.0), (10.0, 300.0), (100.0, 300.0), (1000.0, 120.0), (10_000.0, 20.0)]
    };
    page.line("\n**Steady.** 80 loads (1, 30, 300, 1500, 10 000 ms; 0, 2, 5, 10 % of errors; saturation 0, 0.1, 0.5, 0.9) that never change: refused, per cent, mean / worst load, while the first 500 reports or two minutes come, and afterwards; of these the lowest priority; how many of the 80 are refused every time in the last fifth of the run; and where the breaks stand then.");
    let loads = loads();
    let mut table = Vec::new();
    let [mut learning, mut later] = [0.0_f64; 2];
    for kind in [Kind::Classic, Kind::Given, Kind::Ours] {
        for &(rate, seconds) in rates {
            let found = lab.each(loads.len(), |index| {
                let mut door = kind.open(index as u64);
                let mut teller = Teller::new(rate, index as u64);
                let learned = (500.0 / rate).min(120.0);
                let [mut learning, mut after, mut lowest, mut last] = [Share::default(); 4];
                teller.tell(
                    &mut *door,
                    seconds,
                    |_| loads[index],
                    |at, voltage, refused| {
                        let share = if at < learned { &mut learning } else { &mut after };
                        share.count(refused);
                        if at >= learned && voltage < 30.0 {
                            lowest.count(refused);
                        }
                        if at > 0.8 * seconds {
                            last.count(refused);
                        }
                    },
                );
                let shares = [learning, after, lowest, last].map(Share::percent);
                (shares, door.break_at(teller.now))
            });
            let worst = |i: usize| found.iter().map(|(f, _)| f[i]).fold(0.0, f64::max);
            let mean = |i: usize| found.iter().map(|(f, _)| f[i]).sum::<f64>() / found.len() as f64;
            if kind == Kind::Ours {
                learning = learning.max(worst(0));
                later = later.max(worst(1)).max(worst(2));
            }
            let forever = found.iter().filter(|(f, _)| f[3] >= 100.0).count();
            let breaks = found.iter().map(|(_, b)| *b);
            let low = breaks.clone().fold(f64::INFINITY, f64::min);
            let high = breaks.fold(0.0, f64::max);
            table.push(vec![
                kind.name().to_owned(),
                format!("{rate}/s"),
                format!("{} / {}", figure(mean(0)), figure(worst(0))),
                format!("{} / {}", figure(mean(1)), figure(worst(1))),
                format!("{} / {}", figure(mean(2)), figure(worst(2))),
                forever.to_string(),
                format!("{} to {}", figure(low), figure(high)),
            ]);
        }
    }
    page.table(
        &[
            "door",
            "rate",
            "while it learns",
            "afterwards",
            "lowest priority",
            "loads refused for ever",
            "break, Ω",
        ],
        &table,
    );
    page.bar(
        "E13: steady, refused while it learns ≤ 5 %",
        format!("{} %", figure(learning)),
        learning <= 5.0,
    );
    page.bar(
        "E13: steady, refused afterwards ≤ 1 %, every priority",
        format!("{} %", figure(later)),
        later <= 1.0,
    );
}

/// What happens to a service that was steady at `level`.
#[derive(Debug, Clone, Copy)]
enum Turn {
    Latency,
    Errors,
    Saturation,
}

const TURNS: [Turn; 3] = [Turn::Latency, Turn::Errors, Turn::Saturation];

impl Turn {
    fn name(self) -> &'static str {
        match self {
            Self::Latency => "latency × 5",
            Self::Errors => "errors + 20 points",
            Self::Saturation => "saturation to 1",
        }
    }

    /// The level once `part` of the turn is done, 0 to 1.
    fn of(self, [latency, errors, saturation]: Level, part: f64) -> Level {
        match self {
            Self::Latency => [latency * 5_f64.powf(part), errors, saturation],
            Self::Errors => [latency, errors + 0.2 * part, saturation],
            Self::Saturation => [latency, errors, saturation + (1.0 - saturation) * part],
        }
    }
}

/// A level from anywhere in the grid; saturation not so near to 1 that to reach it is noise.
fn any_level(random: &mut Random) -> Level {
    [10_f64.powf(4.0 * random.unit()), 0.1 * random.unit(), 0.6 * random.unit()]
}

/// When the refusals of each priority began to stay, seconds, and when the last was after the end.
#[derive(Debug, Clone, Copy)]
struct Course {
    from: [f64; 5],
    healed: f64,
    refused: [Share; 5],
}

fn class(voltage: f64) -> usize {
    [25.0, 40.0, 60.0, 80.0].iter().position(|v| voltage <= *v).unwrap_or(4)
}

/// Steady for `known` seconds, then `level` for `length` seconds, then steady again.
fn course(
    door: &mut dyn Door,
    teller: &mut Teller,
    base: Level,
    known: f64,
    length: f64,
    level: impl Fn(f64) -> Level,
) -> Course {
    let mut course = Course { from: [0.0; 5], healed: 0.0, refused: [Share::default(); 5] };
    teller.tell(door, known, |_| base, |_, _, _| {});
    teller.tell(door, length, level, |at, voltage, refused| {
        if !refused {
            course.from[class(voltage)] = at;
        }
        course.refused[class(voltage)].count(refused);
    });
    teller.tell(
        door,
        60.0,
        |_| base,
        |at, _, refused| {
            if refused {
                course.healed = at;
            }
        },
    );
    course
}

fn turns(lab: &Lab, page: &mut Page) {
    page.line("**Turns for the worse**, a minute long, after 150 s: from which second on each priority is refused whenever it asks, and how long after the end any priority still is; median / worst seed. Base levels are any of 1 ms to 10 s, 0 to 10 % of errors, saturation 0 to 0.6.");
    let mut table = Vec::new();
    let [mut slowest, mut healed] = [0.0_f64; 2];
    let rates: &[f64] = if lab.quick { &[1.0, 30.0] } else { &[1.0, 3.0, 10.0, 100.0, 1000.0] };
    for turn in TURNS {
        for &rate in rates {
            for kind in [Kind::Classic, Kind::Momentum, Kind::Ours] {
                let found = lab.each(seeds(lab), |seed| {
                    let base = any_level(&mut Random::new(1000 + seed as u64));
                    let mut teller = Teller::new(rate, seed as u64);
                    let mut door = kind.open(seed as u64);
                    course(&mut *door, &mut teller, base, 150.0, 60.0, |_| turn.of(base, 1.0))
                });
                let of = |f: &dyn Fn(&Course) -> f64| Spread::of(found.iter().map(f)).most();
                let mut row =
                    vec![turn.name().to_owned(), format!("{rate}/s"), kind.name().to_owned()];
                row.extend((0..5).map(|i| of(&|c: &Course| c.from[i])));
                row.push(of(&|c: &Course| c.healed));
                table.push(row);
                if kind == Kind::Ours {
                    let worst = |of: fn(&Course) -> f64| found.iter().map(of).fold(0.0, f64::max);
                    slowest = slowest.max(worst(|c| c.from[4]));
                    healed = healed.max(worst(|c| c.healed));
                }
            }
        }
    }
    page.table(
        &[
            "turn",
            "rate",
            "door",
            "background from s",
            "low",
            "normal",
            "high",
            "critical",
            "healed after s",
        ],
        &table,
    );
    page.bar(
        "E13: a turn for the worse is refused from 5 s on, worst seed",
        format!("{} s", figure(slowest)),
        slowest <= 5.0,
    );
    page.bar(
        "E13: it heals within 30 s, worst seed",
        format!("{} s", figure(healed)),
        healed <= 30.0,
    );
}

fn levels(lab: &Lab, page: &mut Page) {
    page.line("**Creeps and new levels** after five minutes: the same turns in the course of an hour, in that of a minute (refused from 5 s after its end), and at once and for good; critical requests refused, per cent, median / worst seed.");
    let mut table = Vec::new();
    let [mut followed, mut seen, mut lasting] = [0.0_f64, 100.0, 0.0];
    let rates: &[f64] = if lab.quick { &[1.0, 10.0] } else { &[1.0, 10.0, 100.0] };
    let lab = &Lab { seeds: lab.seeds.min(20), ..*lab };
    for turn in TURNS {
        for &rate in rates {
            for kind in [Kind::Classic, Kind::Given, Kind::Ours] {
                let found = lab.each(seeds(lab), |seed| {
                    let base = any_level(&mut Random::new(2000 + seed as u64));
                    let run = |length: f64, level: &dyn Fn(f64) -> Level| {
                        let mut teller = Teller::new(rate, seed as u64);
                        let mut door = kind.open(seed as u64);
                        let mut parts = [Share::default(); 4];
                        teller.tell(&mut *door, 300.0, |_| base, |_, _, _| {});
                        teller.tell(&mut *door, length, level, |at, voltage, refused| {
                            if voltage < 100.0 {
                                return;
                            }
                            parts[0].count(refused);
                            if (65.0..75.0).contains(&at) {
                                parts[1].count(refused);
                            }
                            if (420.0..480.0).contains(&at) {
                                parts[2].count(refused);
                            }
                            if at >= 600.0 {
                                parts[3].count(refused);
                            }
                        });
                        parts.map(Share::percent)
                    };
                    let hour = run(3600.0, &|at| turn.of(base, at / 3600.0));
                    let minute = run(75.0, &|at| turn.of(base, (at / 60.0).min(1.0)));
                    let lasting = run(900.0, &|_| turn.of(base, 1.0));
                    [hour[0], minute[1], lasting[2], lasting[3]]
                });
                let mut row =
                    vec![turn.name().to_owned(), format!("{rate}/s"), kind.name().to_owned()];
                row.extend((0..4).map(|i| {
                    let spread = Spread::of(found.iter().map(|f| f[i]));
                    if i == 0 || i == 3 { spread.most() } else { spread.least() }
                }));
                table.push(row);
                if kind == Kind::Ours {
                    let of = |i: usize| found.iter().map(move |f| f[i]);
                    followed = of(0).fold(followed, f64::max);
                    seen = Spread::of(of(1)).median.min(seen);
                    lasting = of(3).fold(lasting, f64::max);
                }
            }
        }
    }
    page.table(
        &[
            "turn",
            "rate",
            "door",
            "over an hour",
            "over a minute",
            "new level, minute 8",
            "new level, after minute 10",
        ],
        &table,
    );
    page.bar(
        "E13: a creep over an hour is followed, refused ≤ 1 %, worst seed",
        format!("{} %", figure(followed)),
        followed <= 1.0,
    );
    page.bar("E13: a creep over a minute is refused", format!("{} %", figure(seen)), seen >= 99.0);
    page.bar(
        "E13: a new level is normal after ten minutes, refused ≤ 1 %, worst seed",
        format!("{} %", figure(lasting)),
        lasting <= 1.0,
    );
}
