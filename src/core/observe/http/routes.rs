//! What each path answers.

use super::guard::{Forbidden, check_source, check_token, is_token};
use super::request::HttpRequest;
use super::response::{HttpResponse, HttpStatus};
use crate::core::observe::requests::{
    AwaitedAnswer, JsQuestion, RequestResult, answer, error_frame, refusal,
};
use crate::core::observe::session::{SessionContext, hello};
use crate::core::observe::watching::TableWatch;
use crate::core::observe::wire::{
    ClientFrame, FrameFault, FrameRefusal, ServerFrame, WatchFrame, WatchedTable,
};

/// What to do with a request.
pub(crate) enum HttpRoute {
    Respond(HttpResponse),
    /// The answer comes from JavaScript.
    Ask(JsQuestion, AwaitedAnswer),
    /// The answer comes from tables, once JavaScript has published its own.
    Publish(FreshAnswer),
    Stream(WatchFrame),
    /// Another watch for the session of this name.
    Watch(String, WatchFrame),
}

/// An answer that tables give, read when it is due.
pub(crate) enum FreshAnswer {
    Metrics,
    Page(Box<TableWatch>),
}

impl FreshAnswer {
    pub(crate) fn response(&self, context: &SessionContext<'_>) -> HttpResponse {
        match self {
            Self::Metrics => {
                let media = "text/plain; version=0.0.4; charset=utf-8";
                HttpResponse::new(HttpStatus::Ok, media, context.world.metrics().as_bytes())
            }
            Self::Page(table) => {
                HttpResponse::json(HttpStatus::Ok, &table.single_page(context.world, context.now))
            }
        }
    }
}

/// Decides about a request. The token is checked before anything is read of it.
pub(crate) fn route(request: &HttpRequest, context: &SessionContext<'_>) -> HttpRoute {
    let settings = context.settings;
    if let Err(forbidden) = check_source(request, settings) {
        return forbid(forbidden);
    }
    let is_get = matches!(request.method.as_str(), "GET" | "HEAD");
    if is_get
        && request.path == "/"
        && let Some(token) = request.parameter("token")
    {
        return if is_token(token, settings) { let_in(context) } else { forbid(Forbidden::Token) };
    }
    if let Err(forbidden) = check_token(request, settings) {
        return forbid(forbidden);
    }
    let response = match (request.method.as_str(), request.path.as_str()) {
        ("GET" | "HEAD", path) => get(path, request, context),
        ("POST", "/watch") => watch(request),
        ("POST", "/action") => action(request, context),
        _ => Err(HttpFault::HttpStatus(HttpStatus::MethodNotAllowed)),
    };
    response.unwrap_or_else(|fault| match fault {
        HttpFault::HttpStatus(status) => HttpRoute::Respond(refuse(status)),
        HttpFault::Frame(refused) => refuse_frame(refused),
    })
}

enum HttpFault {
    HttpStatus(HttpStatus),
    Frame(FrameRefusal),
}

impl From<FrameRefusal> for HttpFault {
    fn from(refused: FrameRefusal) -> Self {
        Self::Frame(refused)
    }
}

pub(crate) fn refuse(status: HttpStatus) -> HttpResponse {
    let (code, message) = status.refusal();
    let frame = ServerFrame::Error { id: None, code: code.into(), message: message.into() };
    HttpResponse::json(status, &frame.to_json())
}

fn refuse_frame(refused: FrameRefusal) -> HttpRoute {
    let status = match refused.code {
        "KEELSON_OBSERVE_ACTIONS_OFF" => HttpStatus::Forbidden,
        "KEELSON_OBSERVE_GONE" => HttpStatus::NotFound,
        _ => HttpStatus::BadRequest,
    };
    HttpRoute::Respond(HttpResponse::json(status, &error_frame(refused).to_json()))
}

fn forbid(forbidden: Forbidden) -> HttpRoute {
    let frame = ServerFrame::Error {
        id: None,
        code: "KEELSON_OBSERVE_FORBIDDEN".into(),
        message: forbidden.message().into(),
    };
    HttpRoute::Respond(HttpResponse::json(HttpStatus::Forbidden, &frame.to_json()))
}

/// Sets the cookie, and goes to the page without the token in its address.
fn let_in(context: &SessionContext<'_>) -> HttpRoute {
    let (cookie, token) = (&context.settings.cookie, &context.settings.token);
    let headers = format!(
        "Location: /\r\nSet-Cookie: {cookie}={token}; HttpOnly; SameSite=Strict; Path=/\r\n"
    );
    HttpRoute::Respond(HttpResponse::with(HttpStatus::SeeOther, &headers, b""))
}

fn get(
    path: &str,
    request: &HttpRequest,
    context: &SessionContext<'_>,
) -> Result<HttpRoute, HttpFault> {
    let settings = context.settings;
    Ok(match path {
        "/hello" => HttpRoute::Respond(json(&hello(settings, None))),
        "/metrics" => HttpRoute::Publish(FreshAnswer::Metrics),
        "/page" => page(request, context)?,
        "/stream" => HttpRoute::Stream(match request.parameter("watch") {
            None => WatchFrame { refresh_ms: None, tables: Vec::new() },
            Some(text) => watch_frame(text.as_bytes())?,
        }),
        "/detail" => {
            let (kind, key) = (text(request, "kind")?, text(request, "key")?);
            let state = request.parameter("state") == Some("1");
            once(ClientFrame::Detail { id: 0, kind, key, state }, context)?
        }
        "/tree" => {
            let key = request.parameter("key").filter(|key| !key.is_empty()).map(str::to_owned);
            let (offset, limit) = (number(request, "offset", 0)?, number(request, "limit", 200)?);
            once(ClientFrame::Tree { id: 0, key, offset, limit }, context)?
        }
        "/journal" => {
            let key = text(request, "key")?;
            let before = match request.parameter("before") {
                None => None,
                Some(_) => Some(number(request, "before", 0)? as f64),
            };
            let limit = number(request, "limit", 50)?;
            once(ClientFrame::Journal { id: 0, key, before, limit }, context)?
        }
        _ => {
            let asset = settings.assets.iter().find(|asset| asset.path == path);
            let asset = asset.ok_or(HttpFault::HttpStatus(HttpStatus::NotFound))?;
            let encoding = asset
                .encoding
                .map_or_else(String::new, |encoding| format!("Content-Encoding: {encoding}\r\n"));
            let headers = format!("Content-Type: {}\r\n{encoding}", asset.media);
            HttpRoute::Respond(HttpResponse::with(HttpStatus::Ok, &headers, asset.body))
        }
    })
}

pub(crate) fn json(frame: &ServerFrame<'_>) -> HttpResponse {
    HttpResponse::json(HttpStatus::Ok, &frame.to_json())
}

fn page(request: &HttpRequest, context: &SessionContext<'_>) -> Result<HttpRoute, HttpFault> {
    let wish = WatchedTable {
        table: "page".to_owned(),
        kind: text(request, "kind")?,
        by: request.parameter("by").filter(|by| !by.is_empty()).map(str::to_owned),
        desc: matches!(request.parameter("desc"), Some("1" | "true")),
        offset: number(request, "offset", 0)?,
        limit: number(request, "limit", 50)?,
        filter: request.parameter("filter").unwrap_or("").to_owned(),
    };
    let fresh = FreshAnswer::Page(Box::new(TableWatch::new(wish)?));
    // Native tables need no JavaScript.
    let is_native = matches!(request.parameter("kind"), Some("process" | "route" | "loop"));
    Ok(if is_native {
        HttpRoute::Respond(fresh.response(context))
    } else {
        HttpRoute::Publish(fresh)
    })
}

fn once(frame: ClientFrame, context: &SessionContext<'_>) -> Result<HttpRoute, HttpFault> {
    match answer(frame, context.world, context.settings.actions) {
        Some(Ok(RequestResult::Frame(frame))) => Ok(HttpRoute::Respond(json(&frame))),
        Some(Ok(RequestResult::Asks(question, awaited))) => Ok(HttpRoute::Ask(question, awaited)),
        Some(Err(refused)) => Err(HttpFault::Frame(refused)),
        None => Err(HttpFault::HttpStatus(HttpStatus::BadRequest)),
    }
}

fn watch_frame(bytes: &[u8]) -> Result<WatchFrame, HttpFault> {
    match frame(bytes)? {
        ClientFrame::Watch(watch) => Ok(watch),
        _ => Err(wrong("The body must be a watch frame.")),
    }
}

fn frame(bytes: &[u8]) -> Result<ClientFrame, HttpFault> {
    ClientFrame::read(bytes).map_err(|fault| match fault {
        FrameFault::Garbage => HttpFault::HttpStatus(HttpStatus::BadRequest),
        FrameFault::Refused(refused) => HttpFault::Frame(refused),
    })
}

fn wrong(message: impl Into<String>) -> HttpFault {
    HttpFault::Frame(refusal(None, "KEELSON_OBSERVE_FRAME", message))
}

fn watch(request: &HttpRequest) -> Result<HttpRoute, HttpFault> {
    Ok(HttpRoute::Watch(text(request, "session")?, watch_frame(&request.body)?))
}

fn action(request: &HttpRequest, context: &SessionContext<'_>) -> Result<HttpRoute, HttpFault> {
    match frame(&request.body)? {
        frame @ ClientFrame::Action { .. } => once(frame, context),
        _ => Err(wrong("The body must be an action frame.")),
    }
}

fn text(request: &HttpRequest, name: &str) -> Result<String, HttpFault> {
    let found = request.parameter(name).filter(|value| !value.is_empty());
    found.map(str::to_owned).ok_or_else(|| wrong(format!("The parameter {name} is missing.")))
}

fn number(request: &HttpRequest, name: &str, default: usize) -> Result<usize, HttpFault> {
    match request.parameter(name) {
        None | Some("") => Ok(default),
        Some(text) => {
            text.parse().map_err(|_| wrong(format!("The parameter {name} must be a whole number.")))
        }
    }
}
