//! Requests of clients that have one answer: details, trees, journals, actions.
//!
//! Tables answer what they can. What only JavaScript knows becomes a [`JsQuestion`], whose answer must come within
//! [`JS_DEADLINE`]; a blocked event loop answers nothing, and then the client learns that.

use std::collections::BTreeMap;

use serde::Serialize;

use super::columns::TableKind;
use super::tree::{TreeReader, fields_at};
use super::wire::{ActionName, ClientFrame, FrameRefusal, RowDetail, ServerFrame};
use super::world::ObservedWorld;

/// The time that JavaScript has for an answer, ms.
pub const JS_DEADLINE: f64 = 2500.0;

/// The time that JavaScript has to publish its tables for one request, ms. Then the ones of before are shown.
pub const PUBLISH_DEADLINE: f64 = 40.0;

/// The most children of a page, and the most entries of a journal.
const MOST_CHILDREN: usize = 500;
const MOST_ENTRIES: usize = 500;
/// The longest answer of JavaScript, bytes.
const LONGEST_ANSWER: usize = 512 * 1024;

/// A question to JavaScript.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(tag = "ask", rename_all = "lowercase")]
pub enum JsQuestion {
    /// Links, monitors, crashes of a row; its state, if wanted.
    Detail {
        /// The kind of its table.
        kind: TableKind,
        /// Its key.
        key: String,
        /// Whether to add the state.
        state: bool,
    },
    /// Entries of a journal.
    Journal {
        /// The journal.
        key: String,
        /// Only entries before this number.
        before: Option<f64>,
        /// The most entries.
        limit: usize,
    },
    /// A change of a process.
    Action {
        /// The change.
        action: ActionName,
        /// The process.
        key: String,
    },
    /// To publish the tables that JavaScript has; for everybody.
    Publish,
}

impl JsQuestion {
    /// Returns the key that it is about, if it is about one.
    #[must_use]
    pub fn key(&self) -> Option<&str> {
        match self {
            Self::Detail { key, .. } | Self::Journal { key, .. } | Self::Action { key, .. } => {
                Some(key)
            }
            Self::Publish => None,
        }
    }
}

/// The answer of JavaScript.
#[derive(Debug, Clone, PartialEq)]
pub enum JsAnswer {
    /// A JSON object.
    Object(String),
    /// It refused or failed.
    Failed {
        /// A stable code.
        code: String,
        /// A sentence for people.
        message: String,
    },
}

/// The answer to a client that waits for JavaScript.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum AwaitedAnswer {
    Detail(Box<RowDetail>),
    Journal { id: u64, key: String },
    Action { id: u64 },
}

/// The result of a request.
pub(crate) enum RequestResult {
    Frame(ServerFrame<'static>),
    Asks(JsQuestion, AwaitedAnswer),
}

pub(crate) fn refusal(
    id: Option<u64>,
    code: &'static str,
    message: impl Into<String>,
) -> FrameRefusal {
    FrameRefusal { id, code, message: message.into() }
}

pub(crate) fn error_frame(refusal: FrameRefusal) -> ServerFrame<'static> {
    let FrameRefusal { id, code, message } = refusal;
    ServerFrame::Error { id, code: code.into(), message: message.into() }
}

/// Answers a request; `None` for a frame that is none.
pub(crate) fn answer(
    frame: ClientFrame,
    world: &dyn ObservedWorld,
    actions: bool,
) -> Option<Result<RequestResult, FrameRefusal>> {
    Some(match frame {
        ClientFrame::Detail { id, kind, key, state } => detail(id, &kind, key, state, world),
        ClientFrame::Tree { id, key, offset, limit } => tree(id, key, offset, limit, world),
        ClientFrame::Journal { id, key, before, limit } => {
            let limit = limit.clamp(1, MOST_ENTRIES);
            let question = JsQuestion::Journal { key: key.clone(), before, limit };
            Ok(RequestResult::Asks(question, AwaitedAnswer::Journal { id, key }))
        }
        ClientFrame::Action { id, .. } if !actions => Err(refusal(
            Some(id),
            "KEELSON_OBSERVE_ACTIONS_OFF",
            "Actions are off: start observe() with allowActions: true to allow them.",
        )),
        ClientFrame::Action { id, action, key } => Ok(RequestResult::Asks(
            JsQuestion::Action { action, key },
            AwaitedAnswer::Action { id },
        )),
        _ => return None,
    })
}

/// Returns the kind of a name.
pub(crate) fn kind_of(id: Option<u64>, name: &str) -> Result<TableKind, FrameRefusal> {
    TableKind::from_name(name).ok_or_else(|| {
        let names: Vec<_> = TableKind::ALL.iter().map(|kind| kind.name()).collect();
        let name = super::value::shortened_to(name, 40);
        let message = format!("There is no kind {name:?}: it is one of {}.", names.join(", "));
        refusal(id, "KEELSON_OBSERVE_KIND", message)
    })
}

fn detail(
    id: u64,
    kind: &str,
    key: String,
    state: bool,
    world: &dyn ObservedWorld,
) -> Result<RequestResult, FrameRefusal> {
    let kind = kind_of(Some(id), kind)?;
    let mut fields = None;
    let mut path = Vec::new();
    let mut children = 0;
    world.table(kind, &mut |table| {
        if let Some(place) = table.find(&key) {
            fields = Some(fields_at(kind, table, place));
        }
    });
    let found = fields.is_some();
    if found && matches!(kind, TableKind::Process | TableKind::Supervisor) {
        world.table(TableKind::Process, &mut |table| {
            let tree = TreeReader::new(table);
            path = table.find(&key).map_or_else(Vec::new, |place| tree.path_to(place));
            children = tree.count_children(std::iter::once(key.clone())).remove(&key).unwrap_or(0);
        });
    }
    let related = if found { world.relations(&key) } else { None };
    let more = related.map_or_else(BTreeMap::new, |(links, monitors)| {
        BTreeMap::from([
            ("links".to_owned(), links.into()),
            ("monitors".to_owned(), monitors.into()),
        ])
    });
    let detail = RowDetail {
        id,
        kind,
        key: key.clone(),
        found,
        fields,
        path,
        children,
        unanswered: None,
        more,
    };
    // Native tables have everything about these.
    if !found || matches!(kind, TableKind::Route | TableKind::Loop) {
        return Ok(RequestResult::Frame(ServerFrame::Detail(Box::new(detail))));
    }
    let question = JsQuestion::Detail { kind, key, state };
    Ok(RequestResult::Asks(question, AwaitedAnswer::Detail(Box::new(detail))))
}

fn tree(
    id: u64,
    key: Option<String>,
    offset: usize,
    limit: usize,
    world: &dyn ObservedWorld,
) -> Result<RequestResult, FrameRefusal> {
    let mut page = None;
    world.table(TableKind::Process, &mut |table| {
        page =
            TreeReader::new(table).children(key.as_deref(), offset, limit.clamp(1, MOST_CHILDREN));
    });
    let Some(page) = page else {
        return Err(refusal(
            Some(id),
            "KEELSON_OBSERVE_GONE",
            "There is no such process any more.",
        ));
    };
    let frame =
        ServerFrame::Tree { id, key, path: page.path, total: page.total, offset, rows: page.rows };
    Ok(RequestResult::Frame(frame))
}

/// Names that JavaScript's part of an answer may not replace.
const OWN_FIELDS: [&str; 8] = ["type", "id", "kind", "key", "found", "fields", "path", "children"];

/// Returns the frame of an answer of JavaScript.
pub(crate) fn answered(awaited: AwaitedAnswer, answer: JsAnswer) -> ServerFrame<'static> {
    let object = match answer {
        JsAnswer::Object(text) if text.len() > LONGEST_ANSWER => Err((
            "KEELSON_OBSERVE_TOO_LONG".to_owned(),
            "The answer is longer than a frame may be: ask for less.".to_owned(),
        )),
        JsAnswer::Object(text) => {
            serde_json::from_str::<BTreeMap<String, serde_json::Value>>(&text).map_err(|_| {
                ("KEELSON_OBSERVE_ANSWER".to_owned(), "JavaScript answered no object.".to_owned())
            })
        }
        JsAnswer::Failed { code, message } => Err((code, message)),
    };
    match (awaited, object) {
        (AwaitedAnswer::Detail(mut detail), Ok(mut more)) => {
            for name in OWN_FIELDS {
                more.remove(name);
            }
            detail.more.extend(more);
            ServerFrame::Detail(detail)
        }
        (AwaitedAnswer::Detail(mut detail), Err((_, message))) => {
            detail.unanswered = Some(message);
            ServerFrame::Detail(detail)
        }
        (AwaitedAnswer::Journal { id, key }, Ok(mut of)) => {
            for name in OWN_FIELDS {
                of.remove(name);
            }
            ServerFrame::Journal { id, key, of }
        }
        (AwaitedAnswer::Action { id }, Ok(_)) => ServerFrame::Done { id },
        (
            AwaitedAnswer::Journal { id, .. } | AwaitedAnswer::Action { id },
            Err((code, message)),
        ) => ServerFrame::Error { id: Some(id), code: code.into(), message: message.into() },
    }
}

/// Returns the answer of a JavaScript that did not answer in time.
pub(crate) fn silence() -> JsAnswer {
    JsAnswer::Failed {
        code: "KEELSON_OBSERVE_BLOCKED".to_owned(),
        message: format!(
            "JavaScript did not answer within {JS_DEADLINE} ms: its thread is blocked."
        ),
    }
}
