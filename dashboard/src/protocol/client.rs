use serde::Serialize;

/// A frame from the dashboard to the service.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(tag = "type", rename_all = "camelCase")]
pub enum ClientFrame {
    /// Opens a session.
    Hello {
        /// The version of the protocol.
        v: u32,
    },
    /// Replaces the tables that the session watches.
    Watch {
        /// The time between two updates, milliseconds.
        #[serde(rename = "refreshMs")]
        refresh_ms: u32,
        /// The tables.
        tables: Vec<WatchedTable>,
    },
    /// Asks for everything about one row.
    Detail {
        /// A number that the answer repeats.
        id: u64,
        /// The kind of the row.
        kind: String,
        /// The key of the row.
        key: String,
    },
    /// Asks for the children of a process, or for the roots.
    Tree {
        /// A number that the answer repeats.
        id: u64,
        /// The key of the parent; `None` for the roots.
        key: Option<String>,
        /// The children before the first one wanted.
        offset: usize,
        /// The number of children wanted.
        limit: usize,
    },
    /// Asks for the newest entries of a journal.
    Journal {
        /// A number that the answer repeats.
        id: u64,
        /// The key of the journal.
        key: String,
        /// The sequence before which entries are wanted; `None` for the newest.
        before: Option<u64>,
        /// The number of entries wanted.
        limit: usize,
    },
    /// Asks the service to stop, kill or restart a process.
    Action {
        /// A number that the answer repeats.
        id: u64,
        /// `stop`, `kill` or `restart`.
        action: String,
        /// The key of the process.
        key: String,
    },
    /// Stops updates.
    Pause,
    /// Starts updates again.
    Resume,
}

/// A table that a session watches.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct WatchedTable {
    /// The client's own name of the table.
    pub table: String,
    /// The kind of its rows.
    pub kind: String,
    /// The column that orders the rows; `None` for the order of creation.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub by: Option<String>,
    /// Whether the largest value comes first.
    pub desc: bool,
    /// The rows before the first one wanted.
    pub offset: usize,
    /// The number of rows wanted.
    pub limit: usize,
    /// Text that one of a row's text cells must have.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub filter: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_are_written_as_the_protocol_names_them() {
        let watch = ClientFrame::Watch {
            refresh_ms: 500,
            tables: vec![WatchedTable {
                table: "main".into(),
                kind: "process".into(),
                by: Some("mailbox".into()),
                desc: true,
                offset: 0,
                limit: 50,
                filter: String::new(),
            }],
        };
        assert_eq!(
            serde_json::to_string(&watch).unwrap(),
            r#"{"type":"watch","refreshMs":500,"tables":[{"table":"main","kind":"process","by":"mailbox","desc":true,"offset":0,"limit":50}]}"#
        );
        let tree = ClientFrame::Tree { id: 2, key: None, offset: 0, limit: 200 };
        assert_eq!(
            serde_json::to_string(&tree).unwrap(),
            r#"{"type":"tree","id":2,"key":null,"offset":0,"limit":200}"#
        );
        assert_eq!(serde_json::to_string(&ClientFrame::Pause).unwrap(), r#"{"type":"pause"}"#);
    }
}
