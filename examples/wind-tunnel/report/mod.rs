//! What the reader gets: a page with tables, small pictures, and the list of bars.

mod page;
mod svg;
mod terminal;

pub use page::{Page, figure};
pub use svg::{Line, picture};
pub use terminal::spark;
