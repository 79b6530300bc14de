//! Screens, drawn into a buffer and compared with the files in `screens/`. `KEELSON_WRITE_SCREENS=1` writes them.

use std::fs;
use std::path::Path;

use ratatui::Terminal;
use ratatui::backend::TestBackend;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::{arrange, draw, theme};
use crate::app::{App, Layout, Settings};
use crate::keys::{Command, Move};
use crate::protocol::ServerFrame;

const HELLO: &str = r#"{"type":"hello","v":1,"package":"0.1.0","pid":4242,"node":"20.20.2","title":"shop",
 "startedAt":1700000000000,"refreshMs":250,"actions":false,"kinds":{
 "process":[{"name":"id","type":"text"},{"name":"name","type":"text"},{"name":"kind","type":"text"},
 {"name":"status","type":"text"},{"name":"mailbox","type":"gauge"},{"name":"messages","type":"count"},
 {"name":"restarts","type":"count"},{"name":"crashes","type":"count"},{"name":"parent","type":"text"},
 {"name":"startedAt","type":"wall"},{"name":"memory","type":"bytes"},{"name":"system","type":"text"}],
 "route":[{"name":"name","type":"text"},{"name":"R","type":"gauge"},{"name":"base","type":"gauge"},
 {"name":"pressure","type":"gauge"},{"name":"momentum","type":"gauge"},{"name":"scar","type":"gauge"},
 {"name":"mode","type":"text"},{"name":"limit","type":"gauge"},{"name":"inFlight","type":"gauge"},
 {"name":"queued","type":"gauge"},{"name":"admitted","type":"count"},{"name":"shed","type":"count"},
 {"name":"errorRate","type":"gauge"},{"name":"baselineMs","type":"ms"},{"name":"queueDelayMs","type":"ms"}],
 "journal":[{"name":"name","type":"text"},{"name":"where","type":"text"},{"name":"entries","type":"gauge"},
 {"name":"next","type":"count"},{"name":"bytes","type":"bytes"},{"name":"pending","type":"gauge"}],
 "loop":[{"name":"thread","type":"text"}]}}"#;

fn settings() -> Settings {
    Settings {
        refresh_ms: 500,
        max_events: 100,
        layout: Layout::Full,
        utc_offset_minutes: 60,
        is_inside: true,
    }
}

fn give(app: &mut App, frame: &str) {
    app.take_frame(serde_json::from_str::<ServerFrame>(frame).unwrap());
}

/// Returns the label of the table that is watched now.
fn label(app: &mut App) -> String {
    let requests = serde_json::to_value(app.take_requests()).unwrap();
    let watched = requests
        .as_array()
        .unwrap()
        .iter()
        .rev()
        .find_map(|request| request["tables"][0]["table"].as_str());
    watched.unwrap().to_owned()
}

fn process(id: &str, name: &str, kind: &str, mailbox: u32, messages: u32, crashes: u32) -> String {
    format!(
        r#"["{id}",["{id}","{name}","{kind}","running",{mailbox},{messages},{crashes},{crashes},"app",1700000030000,0,"default"]]"#
    )
}

fn rows() -> String {
    [
        process("p4", "cart", "GenServer", 1234, 98_765, 2),
        process(
            "p2",
            "\u{5e97}\u{8217}\u{8ba2}\u{5355}\u{5904}\u{7406}\u{5668}",
            "GenServer",
            12,
            420,
            0,
        ),
        process("p3", "", "Agent", 0, 7, 0),
        process("p5", "evil\\u001b[2J\\nname", "GenServer", 0, 0, 0),
        process(
            "p6",
            "a-very-long-name-of-a-process-that-does-not-fit-anywhere-at-all",
            "Cache",
            0,
            1_500_000,
            0,
        ),
    ]
    .join(",")
}

/// A service with processes, a tree, events and an event loop.
fn shop() -> App {
    let mut app = App::new(settings());
    give(&mut app, HELLO);
    let table = label(&mut app);
    let rows = rows();
    give(
        &mut app,
        &format!(
            r#"{{"type":"page","table":"{table}","kind":"process","at":1700000190000,"total":7,"matching":7,"offset":0,"rows":[{rows}],"more":false}}"#
        ),
    );
    let root = process("p1", "app", "Supervisor", 0, 4, 0).replacen(']', "],3", 1);
    let root = root.trim_end_matches(']').to_owned() + "]";
    give(
        &mut app,
        &format!(r#"{{"type":"tree","id":1,"key":null,"total":1,"offset":0,"rows":[{root}]}}"#),
    );
    let child = |id: &str, name: &str, mailbox| {
        process(id, name, "GenServer", mailbox, 1, 0).replacen("]]", "],0]", 1)
    };
    let children =
        [child("p4", "cart", 1234), child("p2", "\u{5e97}\u{8217}", 12), child("p3", "", 0)]
            .join(",");
    give(
        &mut app,
        &format!(r#"{{"type":"tree","id":2,"key":"p1","total":3,"offset":0,"rows":[{children}]}}"#),
    );
    let update = |at: u64, messages: u32, busy: u32| {
        format!(
            r#"{{"type":"update","at":{at},"tables":[{{"table":"{table}","total":7,"matching":7,"changed":[{}]}}],
            "loops":[{{"thread":"main","running":{busy},"idle":{},"blocked":210,"longest":210,"stalls":1,"stalled":null}}],
            "memory":{{"rss":120000000,"heapUsed":45000000,"heapTotal":60000000,"external":3000000}},
            "totals":{{"processes":7,"messages":{messages},"restarts":2,"crashes":2,"admitted":900,"shed":{}}},
            "events":[{{"seq":{at},"at":{at},"event":"crashed","kind":"process","key":"p4","name":"cart","text":"TypeError: no price"}},
            {{"seq":{at},"at":{at},"event":"restarted","kind":"process","key":"p4","name":"cart","text":"by app"}}],"dropped":3}}"#,
            process("p4", "cart", "GenServer", 1234, messages, 2),
            at % 1_000_000 - u64::from(busy),
            messages / 1000,
        )
    };
    give(&mut app, &update(1_700_000_190_500, 98_765, 100));
    give(&mut app, &update(1_700_000_191_000, 99_999, 400));
    app
}

fn stalled(app: &mut App) {
    give(
        app,
        r#"{"type":"update","at":1700000192000,"loops":[{"thread":"main","running":1900,"idle":600,"blocked":1234,"longest":1234,
        "stalls":2,"stalled":{"forMs":1234,"key":"p4","name":"cart","message":"add","handler":"handleCast"}}]}"#,
    );
}

fn screen(app: &mut App, width: u16, height: u16) -> String {
    app.set_visible_rows(arrange(Rect::new(0, 0, width, height), app).table_rows());
    if width == 0 || height == 0 {
        // The backend of tests has no such size.
        let area = Rect::new(0, 0, width, height);
        draw(area, &mut Buffer::empty(area), app, &theme::DARK);
        return String::new();
    }
    let mut terminal = Terminal::new(TestBackend::new(width, height)).unwrap();
    terminal.draw(|frame| draw(frame.area(), frame.buffer_mut(), app, &theme::DARK)).unwrap();
    terminal.backend().to_string()
}

#[track_caller]
fn same(name: &str, app: &mut App, width: u16, height: u16) {
    let path =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("src/view/screens").join(format!("{name}.txt"));
    let drawn = screen(app, width, height);
    if std::env::var_os("KEELSON_WRITE_SCREENS").is_some() {
        fs::write(&path, &drawn).unwrap();
    }
    let kept = fs::read_to_string(&path).unwrap_or_default();
    assert!(kept == drawn, "{name} is drawn differently:\n{drawn}\nand was\n{kept}");
}

#[test]
fn full_layout() {
    same("full", &mut shop(), 120, 34);
}

#[test]
fn full_layout_of_a_common_terminal() {
    same("full-80x24", &mut shop(), 80, 24);
}

#[test]
fn compact_layout() {
    let mut app = shop();
    app.set_layout(Layout::Compact);
    same("compact", &mut app, 100, 20);
}

#[test]
fn minimal_layout() {
    let mut app = shop();
    app.set_layout(Layout::Minimal);
    same("minimal", &mut app, 100, 12);
}

#[test]
fn the_smallest_terminal() {
    same("20x5", &mut shop(), 20, 5);
}

#[test]
fn a_stall_stands_on_top_while_it_lasts() {
    let mut app = shop();
    stalled(&mut app);
    same("stalled", &mut app, 100, 20);
}

#[test]
fn before_the_first_frame() {
    same("opening", &mut App::new(settings()), 80, 24);
}

#[test]
fn a_service_that_is_gone_leaves_its_last_state() {
    let mut app = shop();
    app.lose("the connection ended");
    same("gone", &mut app, 90, 14);
}

#[test]
fn help() {
    let mut app = shop();
    app.run(Command::Help);
    same("help", &mut app, 80, 24);
}

#[test]
fn help_in_the_smallest_terminal_scrolls() {
    let mut app = shop();
    app.run(Command::Help);
    app.run(Command::Move(Move::Last));
    same("help-20x5", &mut app, 20, 5);
}

#[test]
fn columns_to_sort_by() {
    let mut app = shop();
    app.run(Command::Sort);
    same("sort", &mut app, 80, 24);
}

#[test]
fn a_search() {
    let mut app = shop();
    app.run(Command::Search);
    for character in "c\u{e4}rt".chars() {
        app.run(Command::Type(character));
    }
    same("search", &mut app, 80, 12);
}

#[test]
fn the_output_of_the_program() {
    let mut app = shop();
    app.take_output("listening on 3000\n\u{1b}[31mred\u{1b}[0m \u{5e97}\u{8217}\n".as_bytes(), 0);
    app.run(Command::Output);
    same("output", &mut app, 100, 24);
}

const DETAIL: &str = r#"{"type":"detail","id":9,"kind":"process","key":"p4","found":true,"fields":[["id","text","p4"],
 ["name","text","cart"],["status","text","running"],["mailbox","gauge",1234],["messages","count",98765],
 ["startedAt","wall",1700000030000],["memory","bytes",2048]],"path":["app","cart"],"children":0,"links":["p2"],"monitors":[],
 "crashes":[{"at":1700000100000,"error":"TypeError: no price","stack":"TypeError: no price\n    at price (cart.js:3:9)\n    at add (cart.js:9:1)","message":"add"}]}"#;

#[test]
fn detail_of_a_process() {
    let mut app = shop();
    app.run(Command::Open);
    give(&mut app, DETAIL);
    same("detail", &mut app, 100, 24);
}

#[test]
fn t3_the_detail_of_a_process_that_ended_shows_gone() {
    let mut app = shop();
    app.run(Command::Open);
    give(&mut app, DETAIL);
    give(&mut app, r#"{"type":"detail","id":10,"kind":"process","key":"p4","found":false}"#);
    same("detail-gone", &mut app, 100, 24);
    let mut never = shop();
    never.inspect("process", "p99", "");
    give(&mut never, r#"{"type":"detail","id":11,"kind":"process","key":"p99","found":false}"#);
    assert!(screen(&mut never, 100, 24).contains("Processes: p99 \u{2014} gone"));
}

#[test]
fn detail_of_a_route_has_its_terms() {
    let mut app = shop();
    app.inspect("route", "/buy", "/buy");
    for r in [12.0, 30.0, 80.0] {
        give(
            &mut app,
            &format!(
                r#"{{"type":"detail","id":9,"kind":"route","key":"/buy","found":true,"fields":[["name","text","/buy"],["R","gauge",{r}],
                ["base","gauge",10],["pressure","gauge",{}],["momentum","gauge",2.5],["scar","gauge",0],["mode","text","shedding"],
                ["limit","gauge",24],["queueDelayMs","ms",12.5]],"path":[],"children":0}}"#,
                r - 12.5
            ),
        );
    }
    same("route", &mut app, 100, 24);
}

#[test]
fn the_tail_of_a_journal() {
    let mut app = shop();
    app.inspect("journal", "audit", "audit");
    give(
        &mut app,
        r#"{"type":"detail","id":9,"kind":"journal","key":"audit","found":true,"fields":[["name","text","audit"],["entries","gauge",100]]}"#,
    );
    give(
        &mut app,
        r#"{"type":"journal","id":9,"key":"audit","first":1,"next":101,"entries":[{"seq":100,"at":1700000190000,"text":"{\"type\":\"paid\"}"},
        {"seq":99,"at":1700000189000,"text":"{\"type\":\"ordered\"}"}]}"#,
    );
    same("journal", &mut app, 90, 16);
}

#[test]
fn t15_every_size_is_drawn() {
    let mut apps = [shop(), shop(), shop(), shop(), App::new(settings())];
    stalled(&mut apps[1]);
    apps[2].run(Command::Open);
    give(&mut apps[2], DETAIL);
    apps[3].run(Command::Sort);
    for app in &mut apps {
        for layout in [Layout::Full, Layout::Compact, Layout::Minimal] {
            app.set_layout(layout);
            for (width, height) in (0..140)
                .step_by(7)
                .flat_map(|width| (0..50).step_by(3).map(move |height| (width, height)))
            {
                screen(app, width, height);
            }
        }
    }
}

#[test]
fn no_byte_of_a_name_reaches_the_terminal_as_a_command() {
    let drawn = screen(&mut shop(), 200, 40);
    assert!(drawn.chars().all(|character| character == '\n' || !character.is_control()));
    assert!(drawn.contains("evil\u{b7}[2J\u{b7}name"));
}
