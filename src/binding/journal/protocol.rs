//! The numbers of journals that cross the seam.

use super::{appends, memory, streams};
use crate::binding::lane::Area;

pub(crate) const PROTOCOL: Area = Area {
    name: "journal",
    doc: "The numbers in which JavaScript and journals speak.",
    parts: &[appends::CHOICES, appends::OUTCOMES, appends::RECORDS, streams::PARTS, memory::PARTS],
};
