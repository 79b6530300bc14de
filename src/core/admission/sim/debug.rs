use super::world::Scenario;
#[test]
#[ignore = "debug"]
fn debug_run() {
    let var = |k: &str, d: f64| std::env::var(k).ok().and_then(|s| s.parse().ok()).unwrap_or(d);
    let mut s = Scenario::standard(vec![(var("T", 12.0), var("LOAD", 4.0))]);
    s.servers = var("C", 64.0) as usize;
    s.service_ms = var("S", 2.0);
    s.timeout_ms = var("TO", 100.0);
    s.faults =
        vec![super::world::Fault { from: 10.0, to: 60.0, slow: var("SLOW", 1.0), errors: 0.0 }];
    let r = s.run(var("SEED", 0.0) as u64);
    println!("reasons {:?}", r.reasons);
    for (t, limit, base, q, inflight, res) in &r.trace {
        println!("{t:.0} L {limit:.1} base {base:.2} q {q} in {inflight} R {res:.1}");
    }
    for s in 0..var("T", 12.0) as usize {
        print!("{:.0} ", r.goodput(s, s + 1));
    }
}
