//! The families that are made of tables: each sample is a column, and its series the names of rows.

use super::text::FamilyType;
use crate::core::observe::columns::TableKind;

/// The way in which rows of one name become one gauge.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Join {
    Sum,
    Greatest,
}

/// A column of a family.
pub(super) struct FamilyColumn {
    pub(super) column: &'static str,
    /// A label that tells this column from the others of the family.
    pub(super) label: Option<(&'static str, &'static str)>,
}

/// A family.
pub(super) struct Family {
    pub(super) name: &'static str,
    pub(super) help: &'static str,
    pub(super) of: FamilyType,
    pub(super) join: Join,
    /// The factor to the unit of the family.
    pub(super) scale: f64,
    pub(super) columns: &'static [FamilyColumn],
}

/// The families of a kind, and the label for the names of its rows.
pub(super) struct KindFamilies {
    pub(super) kind: TableKind,
    /// The column of names.
    pub(super) name: &'static str,
    pub(super) label: &'static str,
    pub(super) families: &'static [Family],
}

const SECONDS: f64 = 0.001;

macro_rules! family {
    ($of:ident $join:ident $name:literal, $help:literal, $scale:expr;
     $($column:literal $(, $label:literal = $value:literal)?);+) => {
        Family {
            name: $name,
            help: $help,
            of: FamilyType::$of,
            join: Join::$join,
            scale: $scale,
            columns: &[$(FamilyColumn {
                column: $column,
                label: family!(@label $($label, $value)?),
            }),+],
        }
    };
    (@label) => { None };
    (@label $label:literal, $value:literal) => { Some(($label, $value)) };
}

const ROUTE: &[Family] = &[
    family!(Counter Sum "keelson_admission_requests_total", "Requests of a route by their outcome.", 1.0;
        "succeeded", "outcome" = "succeeded"; "failed", "outcome" = "failed";
        "timedOut", "outcome" = "timed_out"; "shed", "outcome" = "shed"),
    family!(Counter Sum "keelson_admission_admitted_total", "Requests that a route admitted.", 1.0; "admitted"),
    family!(Counter Sum "keelson_admission_trickled_total", "Requests that a route admitted to try it.", 1.0;
        "trickled"),
    family!(Counter Sum "keelson_admission_shed_total", "Requests that a route shed, by reason.", 1.0;
        "shedLimit", "reason" = "limit"; "shedQueueFull", "reason" = "queue-full";
        "shedQueueDeadline", "reason" = "queue-deadline"; "shedDisplaced", "reason" = "displaced";
        "shedResistance", "reason" = "resistance"),
    family!(Counter Sum "keelson_admission_shed_by_priority_total", "Requests that a route shed, by priority.", 1.0;
        "shedCritical", "priority" = "critical"; "shedHigh", "priority" = "high";
        "shedNormal", "priority" = "normal"; "shedLow", "priority" = "low";
        "shedBackground", "priority" = "background"),
    family!(Gauge Greatest "keelson_resistance_ohms", "The resistance of a route.", 1.0; "R"),
    family!(Gauge Greatest "keelson_resistance_term_ohms", "A term of the resistance of a route.", 1.0;
        "base", "term" = "base"; "pressure", "term" = "pressure"; "momentum", "term" = "momentum";
        "scar", "term" = "scar"),
    family!(Gauge Sum "keelson_admission_limit", "Requests that a route may have in flight.", 1.0; "limit"),
    family!(Gauge Sum "keelson_admission_in_flight", "Requests of a route in flight.", 1.0; "inFlight"),
    family!(Gauge Sum "keelson_admission_queued", "Requests that wait for a place.", 1.0; "queued"),
    family!(Gauge Greatest "keelson_admission_queue_delay_seconds", "The wait in the queue of a route.", SECONDS;
        "queueDelayMs"),
    family!(Gauge Greatest "keelson_admission_baseline_seconds", "The learned latency of a route.", SECONDS;
        "baselineMs"),
];

const POLICY: &[Family] = &[
    family!(Counter Sum "keelson_policy_calls_total", "Calls through a policy.", 1.0; "calls"),
    family!(Counter Sum "keelson_policy_failures_total", "Calls through a policy that failed.", 1.0; "failures"),
    family!(Counter Sum "keelson_policy_rejected_total", "Calls that a policy rejected.", 1.0; "rejected"),
    family!(Gauge Sum "keelson_policy_active", "Calls that run under a policy.", 1.0; "active"),
    family!(Gauge Sum "keelson_policy_queued", "Calls that wait for a policy.", 1.0; "queued"),
];

const JOURNAL: &[Family] = &[
    family!(Gauge Sum "keelson_journal_entries", "Entries of a journal.", 1.0; "entries"),
    family!(Gauge Sum "keelson_journal_bytes", "Bytes of a journal.", 1.0; "bytes"),
    family!(Gauge Sum "keelson_journal_pending", "Appends that are not durable yet.", 1.0; "pending"),
];

const CACHE: &[Family] = &[
    family!(Gauge Sum "keelson_cache_entries", "Entries of a cache.", 1.0; "entries"),
    family!(Counter Sum "keelson_cache_hits_total", "Reads of a cache that found a value.", 1.0; "hits"),
    family!(Counter Sum "keelson_cache_misses_total", "Reads of a cache that found none.", 1.0; "misses"),
    family!(Counter Sum "keelson_cache_evictions_total", "Values that a cache gave up for others.", 1.0; "evictions"),
    family!(Counter Sum "keelson_cache_loads_total", "Values that a cache loaded.", 1.0; "loads"),
];

const LIMITER: &[Family] = &[
    family!(Gauge Sum "keelson_limiter_keys", "Keys that a limiter knows.", 1.0; "keys"),
    family!(Gauge Sum "keelson_limiter_waiting", "Calls that wait for a limiter.", 1.0; "waiting"),
    family!(Counter Sum "keelson_limiter_admitted_total", "Calls that a limiter admitted.", 1.0; "admitted"),
    family!(Counter Sum "keelson_limiter_refused_total", "Calls that a limiter refused.", 1.0; "refused"),
];

const BUS: &[Family] = &[
    family!(Gauge Sum "keelson_bus_subscriptions", "Subscriptions of a bus.", 1.0; "subscriptions"),
    family!(Counter Sum "keelson_bus_published_total", "Messages published on a bus.", 1.0; "published"),
    family!(Counter Sum "keelson_bus_delivered_total", "Messages that a bus delivered.", 1.0; "delivered"),
    family!(Counter Sum "keelson_bus_dropped_total", "Messages that a bus dropped.", 1.0; "dropped"),
];

const ATOM: &[Family] = &[
    family!(Counter Sum "keelson_atom_commits_total", "Commits of an atom.", 1.0; "commits"),
    family!(Gauge Sum "keelson_atom_watchers", "Watchers of an atom.", 1.0; "watchers"),
];

const TIMER: &[Family] = &[
    family!(Gauge Sum "keelson_timers_pending", "Timers that wait.", 1.0; "pending"),
    family!(Counter Sum "keelson_timers_fired_total", "Timers that fired.", 1.0; "fired"),
];

const EFFECT: &[Family] = &[
    family!(Gauge Sum "keelson_fibres", "Fibres that run.", 1.0; "fibres"),
    family!(Counter Sum "keelson_fibres_started_total", "Fibres that were started.", 1.0; "started"),
    family!(Counter Sum "keelson_fibres_failed_total", "Fibres that failed.", 1.0; "failed"),
];

const LOOP: &[Family] = &[
    family!(Counter Sum "keelson_event_loop_running_seconds_total", "Time of event loops in JavaScript.", SECONDS;
        "running"),
    family!(Counter Sum "keelson_event_loop_idle_seconds_total", "Time in which event loops waited.", SECONDS; "idle"),
    family!(Counter Sum "keelson_event_loop_blocked_seconds_total", "Time of event loops in stalls.", SECONDS;
        "blocked"),
    family!(Counter Sum "keelson_event_loop_stalls_total", "Stalls of event loops.", 1.0; "stalls"),
    family!(Gauge Greatest "keelson_event_loop_longest_stall_seconds", "The longest stall of an event loop.", SECONDS;
        "longest"),
];

/// Every kind that has families of its rows. Processes have totals instead: there may be a million.
pub(super) const FAMILIES: &[KindFamilies] = &[
    KindFamilies { kind: TableKind::Route, name: "name", label: "route", families: ROUTE },
    KindFamilies { kind: TableKind::Policy, name: "name", label: "policy", families: POLICY },
    KindFamilies { kind: TableKind::Journal, name: "name", label: "journal", families: JOURNAL },
    KindFamilies { kind: TableKind::Cache, name: "name", label: "cache", families: CACHE },
    KindFamilies { kind: TableKind::Limiter, name: "name", label: "limiter", families: LIMITER },
    KindFamilies { kind: TableKind::Bus, name: "name", label: "bus", families: BUS },
    KindFamilies { kind: TableKind::Atom, name: "name", label: "atom", families: ATOM },
    KindFamilies { kind: TableKind::Timer, name: "system", label: "system", families: TIMER },
    KindFamilies { kind: TableKind::Effect, name: "system", label: "system", families: EFFECT },
    KindFamilies { kind: TableKind::Loop, name: "thread", label: "thread", families: LOOP },
];
