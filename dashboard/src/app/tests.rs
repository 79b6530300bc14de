use serde_json::{Value, json};

use super::*;
use crate::keys::{Command, Move};

fn settings() -> Settings {
    Settings {
        refresh_ms: 500,
        max_events: 10,
        layout: Layout::Full,
        utc_offset_minutes: 0,
        is_inside: false,
    }
}

fn give(app: &mut App, frame: &Value) {
    app.take_frame(serde_json::from_value(frame.clone()).unwrap());
}

fn asked(app: &mut App) -> Vec<Value> {
    let requests = serde_json::to_value(app.take_requests()).unwrap();
    requests.as_array().unwrap().clone()
}

fn of_type<'a>(requests: &'a [Value], name: &str) -> Vec<&'a Value> {
    requests.iter().filter(|request| request["type"] == name).collect()
}

/// A session with a hundred processes, of which ten fit on the screen.
fn open(actions: bool) -> App {
    let mut app = App::new(settings());
    app.set_visible_rows(10);
    let columns = json!([{"name":"id","type":"text"},{"name":"mailbox","type":"gauge"},{"name":"messages","type":"count"}]);
    give(
        &mut app,
        &json!({"type":"hello","v":1,"pid":1,"refreshMs":750,"actions":actions,
            "kinds":{"process":columns,"journal":[{"name":"name","type":"text"}]}}),
    );
    answer(&mut app);
    app
}

/// Answers the last watch with the rows that it asks for.
fn answer(app: &mut App) -> Value {
    let requests = asked(app);
    let watch = (*of_type(&requests, "watch").last().expect("a watch")).clone();
    let table = &watch["tables"][0];
    let (offset, limit) = (table["offset"].as_u64().unwrap(), table["limit"].as_u64().unwrap());
    let rows: Vec<Value> = (offset..(offset + limit).min(100))
        .map(|number| json!([format!("k{number}"), [format!("p{number}"), 0, 0]]))
        .collect();
    give(
        app,
        &json!({"type":"page","table":table["table"],"kind":table["kind"],"at":1000,"total":100,"matching":100,
            "offset":offset,"rows":rows,"more":false}),
    );
    watch
}

fn selected(app: &App) -> &str {
    &app.table.rows[app.cursor].0
}

#[test]
fn a_session_begins_with_what_the_screen_shows() {
    let mut app = App::new(settings());
    give(&mut app, &json!({"type":"hello","v":1,"refreshMs":750,"kinds":{"process":[]}}));
    let requests = asked(&mut app);
    let watch = of_type(&requests, "watch")[0];
    assert_eq!(watch["refreshMs"], 750, "the service sets the shortest time");
    assert_eq!(watch["tables"][0]["by"], "mailbox");
    assert_eq!(of_type(&requests, "tree")[0]["key"], Value::Null);
}

#[test]
fn only_rows_of_the_screen_are_watched_also_while_scrolling() {
    let mut app = open(false);
    for _ in 0..9 {
        app.run(Command::Move(Move::Down));
    }
    assert!(asked(&mut app).is_empty());
    assert_eq!(selected(&app), "k9");
    app.run(Command::Move(Move::Down));
    assert_eq!(answer(&mut app)["tables"][0]["offset"], 1);
    assert_eq!(selected(&app), "k10");
    app.run(Command::Move(Move::Last));
    assert_eq!(answer(&mut app)["tables"][0]["offset"], 90);
    assert_eq!(selected(&app), "k99");
    app.run(Command::Move(Move::PageUp));
    app.run(Command::Move(Move::PageUp));
    answer(&mut app);
    assert_eq!(selected(&app), "k79");
    app.run(Command::Move(Move::First));
    answer(&mut app);
    assert_eq!(selected(&app), "k0");
    app.run(Command::Move(Move::Up));
    assert_eq!(selected(&app), "k0");
}

#[test]
fn an_answer_to_an_earlier_watch_is_ignored() {
    let mut app = open(false);
    app.run(Command::Search);
    app.run(Command::Type('x'));
    app.run(Command::Type('y'));
    let requests = asked(&mut app);
    let watches = of_type(&requests, "watch");
    let page = |watch: &Value, rows: Value| json!({"type":"page","table":watch["tables"][0]["table"],"kind":"process","at":1,"total":100,"matching":1,"offset":0,"rows":rows});
    give(&mut app, &page(watches[1], json!([["new", ["new", 0, 0]]])));
    give(&mut app, &page(watches[0], json!([["old", ["old", 0, 0]]])));
    assert_eq!(selected(&app), "new");
}

#[test]
fn the_selected_row_is_followed_where_it_moves() {
    let mut app = open(false);
    app.run(Command::Move(Move::Down));
    let order: Vec<String> = (0..10).rev().map(|number| format!("k{number}")).collect();
    let label = app.label.to_string();
    give(
        &mut app,
        &json!({"type":"update","at":2000,"tables":[{"table":label,"total":100,"matching":100,"order":order,"changed":[]}]}),
    );
    assert_eq!((app.cursor, selected(&app)), (8, "k1"));
}

#[test]
fn the_same_column_once_more_turns_the_order_round() {
    let mut app = open(false);
    let mut choose = |place: usize| {
        app.run(Command::Sort);
        app.run(Command::Move(Move::First));
        for _ in 0..place {
            app.run(Command::Move(Move::Down));
        }
        app.run(Command::Accept);
        let watch = answer(&mut app);
        (watch["tables"][0]["by"].clone(), watch["tables"][0]["desc"].clone())
    };
    assert_eq!(choose(3), (json!("messages"), json!(true)));
    assert_eq!(choose(3), (json!("messages"), json!(false)));
    assert_eq!(choose(1), (json!("id"), json!(false)));
    assert_eq!(choose(0), (Value::Null, json!(false)));
}

#[test]
fn each_layout_has_its_widgets() {
    let mut app = open(false);
    let mut focused = |layout: u8| {
        app.run(Command::Layout(layout));
        (0..3)
            .map(|_| {
                app.run(Command::FocusNext);
                app.focus
            })
            .collect::<Vec<_>>()
    };
    assert_eq!(focused(1), [Widget::Tree, Widget::Log, Widget::Table]);
    assert_eq!(focused(2), [Widget::Tree, Widget::Table, Widget::Tree]);
    assert_eq!(focused(3), [Widget::Table, Widget::Table, Widget::Table]);
}

#[test]
fn a_pause_ignores_updates_that_are_on_their_way() {
    let mut app = open(false);
    app.run(Command::Pause);
    assert_eq!(of_type(&asked(&mut app), "pause").len(), 1);
    give(&mut app, &json!({"type":"update","at":9000,"totals":{"processes":5}}));
    assert!(app.load.totals.is_none());
    app.run(Command::Pause);
    let requests = asked(&mut app);
    assert_eq!((of_type(&requests, "resume").len(), of_type(&requests, "watch").len()), (1, 1));
}

#[test]
fn an_action_is_asked_for_and_needs_a_service_that_allows_it() {
    let mut app = open(false);
    app.run(Command::Action("kill"));
    assert!(app.notice.as_ref().unwrap().contains("allowActions"));
    let mut app = open(true);
    app.run(Command::Action("kill"));
    app.run(Command::Close);
    assert!(of_type(&asked(&mut app), "action").is_empty());
    app.run(Command::Action("kill"));
    app.run(Command::Yes);
    let requests = asked(&mut app);
    let action = of_type(&requests, "action")[0];
    assert_eq!((action["action"].as_str(), action["key"].as_str()), (Some("kill"), Some("k0")));
}

#[test]
fn details_and_tree_are_asked_for_again_as_time_passes() {
    let mut app = open(false);
    app.run(Command::Open);
    asked(&mut app);
    let mut at = |time: u64| {
        give(&mut app, &json!({"type":"update","at":time}));
        let requests = asked(&mut app);
        (of_type(&requests, "detail").len(), of_type(&requests, "tree").len())
    };
    assert_eq!(at(1100), (0, 1));
    assert_eq!(at(1600), (1, 0));
    assert_eq!(at(2200), (1, 1));
}

#[test]
fn another_service_at_the_same_place_starts_anew() {
    let mut app = open(false);
    give(&mut app, &json!({"type":"update","at":2000,"totals":{"messages":50}}));
    app.lose("the connection ended");
    give(&mut app, &json!({"type":"hello","v":1,"pid":2,"kinds":{"process":[]}}));
    assert_eq!(app.link, Link::Live);
    assert!(app.load.totals.is_none() && app.table.rows.is_empty());
}

#[test]
fn an_unknown_key_says_where_the_keys_are() {
    let mut app = open(false);
    app.run(Command::Unknown("F5".into()));
    assert_eq!(app.notice.as_deref(), Some("F5 does nothing here; ? lists the keys"));
    app.run(Command::Move(Move::Down));
    assert_eq!(app.notice, None);
}
