//! The files of the page, from `web/`.

use crate::core::observe::PageAsset;

macro_rules! asset {
    ($file:literal) => {
        asset!(concat!("/assets/", $file), $file, "text/javascript; charset=utf-8")
    };
    ($path:expr, $file:literal, $media:literal) => {
        PageAsset {
            path: $path,
            media: $media,
            body: include_bytes!(concat!("../../../web/", $file)),
            encoding: None,
        }
    };
}

pub(super) const PAGE: &[PageAsset] = &[
    asset!("/", "index.html", "text/html; charset=utf-8"),
    asset!("/assets/style.css", "style.css", "text/css; charset=utf-8"),
    asset!("/assets/icon.svg", "icon.svg", "image/svg+xml"),
    asset!("app.js"),
    asset!("chart-view.js"),
    asset!("charts.js"),
    asset!("connection.js"),
    asset!("details.js"),
    asset!("dom.js"),
    asset!("format.js"),
    asset!("history.js"),
    asset!("journal.js"),
    asset!("model.js"),
    asset!("overview.js"),
    asset!("table.js"),
    asset!("tree.js"),
];
