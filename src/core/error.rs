//! The one table of error codes; a code, once released, keeps its meaning for ever.
//!
//! The core reports failures as values. The binding hands this table to TypeScript, which owns the classes,
//! the messages and the stacks; a test keeps the two sides equal.

/// A stable error code with the class that carries it in JavaScript.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ErrorCode {
    /// The value of `error.code`, never reused for another meaning.
    pub code: &'static str,
    /// The name of the TypeScript class.
    pub class: &'static str,
    /// The situation in which it is raised, in one sentence for `docs/errors.md`.
    pub meaning: &'static str,
}

macro_rules! error_codes {
    ($($code:literal, $class:literal, $meaning:literal;)*) => {
        /// Every code, in the order of the documentation.
        pub const ERROR_CODES: &[ErrorCode] =
            &[$(ErrorCode { code: $code, class: $class, meaning: $meaning }),*];
    };
}

error_codes! {
    "KEELSON_INVALID_ARGUMENT", "InvalidArgumentError",
        "An argument or option is invalid; `field` names it. Nothing was changed.";
    "KEELSON_CLOSED", "ClosedError",
        "The system, clock or engine was closed before the call. Waits that were pending at `close()` never settle.";
    "KEELSON_NAME_TAKEN", "NameTakenError",
        "The name is registered in this system already.";
    "KEELSON_SHED", "ShedError",
        "Admission was refused to keep the service useful; `reason` and `retryAfterMs` say why and when to return.";
    "KEELSON_TIMEOUT", "TimeoutError",
        "The work did not end within its `timeoutMs`.";
    "KEELSON_TIMER_LOOP", "TimerLoopError",
        "Timers on a controlled clock keep scheduling timers for the same instant; `timer` names one.";
    "KEELSON_NOT_IDLE", "ClockNotIdleError",
        "`runUntilIdle()` of a controlled clock fired `timers` timers and more were left; `timer` names one.";
    "KEELSON_CLOCK_INSTALLED", "ClockInstalledError",
        "`installClock()` found a clock, or fake timers of another library, in place of the host's; nothing changed.";
    "KEELSON_NOT_PLAIN", "NotPlainError",
        "A value cannot be stored or shared, because it is not plain data; `path` and `reason` locate the part.";
    "KEELSON_ATOM_REENTRANT", "AtomReentrancyError",
        "An atom's own updater or watcher tried to change it; nothing changed.";
    "KEELSON_SHARED_KIND", "SharedKindError",
        "A shared name stands for something of another `kind` (an atom, a counter, a flag); nothing was opened.";
    "KEELSON_JOURNAL_REENTRANT", "JournalReentrancyError",
        "A journal's own subscriber tried to change it; nothing changed.";
    "KEELSON_JOURNAL_OVERFLOW", "JournalOverflowError",
        "A bounded journal is full and its policy is to refuse; nothing was appended.";
    "KEELSON_JOURNAL_CORRUPT", "JournalCorruptError",
        "Stored history is damaged; `segment`, `offset` and `reason` say where and how.";
    "KEELSON_JOURNAL_LOCKED", "JournalLockedError",
        "Another user writes to the journal's directory, which has one user at a time.";
    "KEELSON_JOURNAL_FORMAT", "JournalFormatError",
        "The directory belongs to another program, or to a newer version of the format; nothing was written.";
    "KEELSON_JOURNAL_IO", "JournalIoError",
        "The operating system refused (`operation`, `path`, `osCode`); the journal is closed, nothing acknowledged is lost.";
    "KEELSON_JOURNAL_GAP", "JournalGapError",
        "Entries that a fold needs are gone (`from` to before `first`); a state without them never existed.";
    "KEELSON_VERSION_CONFLICT", "VersionConflictError",
        "A stream has another version (`actualVersion`) than an append expected (`expectedVersion`); nothing was appended.";
    "KEELSON_JOURNAL_NAME_IN_USE", "JournalNameInUseError",
        "The stream, consumer or projection (`kind`, `claimed`) runs already in this program.";
    "KEELSON_REPLAY", "ReplayError",
        "An event (`sequence`, `eventType`) could not be applied; `cause` is the reason.";
    "KEELSON_PERSISTENCE", "PersistenceError",
        "A process ended, because its events (`stream`) could not be appended; `cause` is the reason.";
    "KEELSON_RECORD_TOO_LARGE", "RecordTooLargeError",
        "A record is larger than the journal's `maxRecordBytes`; nothing was appended.";
    "KEELSON_CALL_TIMEOUT", "CallTimeoutError",
        "A call got no reply in time; if it had not begun, it never will, and a late reply is dropped.";
    "KEELSON_NOT_RUNNING", "ServerNotRunningError",
        "There is no such process, or it ended before it answered.";
    "KEELSON_INIT_FAILED", "InitializationError",
        "A process could not be started; `cause` says what its `init` did.";
    "KEELSON_CALL_CYCLE", "CallCycleError",
        "A call would have waited for itself: the called process waits, directly or through others, for the caller.";
    "KEELSON_MAILBOX_FULL", "MailboxFullError",
        "The mailbox of the called process is full.";
    "KEELSON_INVALID_RETURN", "InvalidReturnError",
        "A callback of a process returned an invalid value; `serverId` and `callback` name it.";
    "KEELSON_NOT_HANDLED", "NotHandledError",
        "A process got a call or a cast for which it has no callback; `callback` names it. The process goes on.";
    "KEELSON_OUTSIDE_HANDLER", "OutsideHandlerError",
        "A function that is only for callbacks of a process was called outside of them.";
    "KEELSON_NOT_REGISTERED", "NotRegisteredError",
        "No process has the name.";
    "KEELSON_ALREADY_REGISTERED", "AlreadyRegisteredError",
        "A living process has the name.";
    "KEELSON_KEY_TAKEN", "AlreadyRegisteredKeyError",
        "A living process has the key, and keys are unique in this registry.";
    "KEELSON_KEY_NOT_FOUND", "KeyNotFoundError",
        "No process has the key in this registry.";
    "KEELSON_DUPLICATE_KEYS", "DuplicateKeyLookupError",
        "A call for one process by key, in a registry where a key can have several.";
    "KEELSON_UNIQUE_KEYS", "DispatchNotSupportedError",
        "A message was dispatched by key in a registry where keys are unique.";
    "KEELSON_DUPLICATE_REGISTRATION", "DuplicateRegistrationError",
        "The process is registered under the key already.";
    "KEELSON_TASK_FAILED", "TaskExecutionError",
        "The function of a task of `Task.Supervisor` threw; `cause` is what it threw.";
    "KEELSON_TASK_ENDED", "TaskEndedError",
        "A task ended before its function did; `reason` says how. Later results of the function are dropped.";
    "KEELSON_MAX_RESTARTS", "MaxRestartsExceededError",
        "A supervisor gave up: more than `maxRestarts` restarts within `withinMs`. Its children were stopped.";
    "KEELSON_DUPLICATE_CHILD", "DuplicateChildError",
        "The supervisor has a child of this id; nothing changed.";
    "KEELSON_CHILD_NOT_FOUND", "ChildNotFoundError",
        "The supervisor has no child of this id.";
    "KEELSON_MISSING_TEMPLATE", "MissingChildTemplateError",
        "A `simple_one_for_one` supervisor has no `childTemplate`; nothing was started.";
    "KEELSON_INVALID_TEMPLATE", "InvalidSimpleOneForOneConfigError",
        "Child specifications for a `simple_one_for_one` supervisor, or arguments for another; `reason` says which.";
    "KEELSON_SUPERVISOR_NOT_FOUND", "SupervisorNotFoundError",
        "There is no such supervisor, or it is stopping or has stopped.";
    "KEELSON_BUS_OVERFLOW", "BusOverflowError",
        "A reader of an event bus with `overflow` `'error'` or `'block'` was too slow; its subscription has ended.";
    "KEELSON_RATE_LIMITED", "RateLimitExceededError",
        "A key has no quota left for the cost, or is blocked; `retryAfterMs` says when it will have.";
    "KEELSON_RATE_LIMIT_QUEUE_FULL", "RateLimitQueueFullError",
        "As many calls wait for the quota of a key as `maxWaiters` allows. Nothing was taken.";
    "KEELSON_RATE_LIMIT_STORE", "RateLimitStoreError",
        "A store of rate limits did not answer in time, or not as it should; requests are counted in memory meanwhile.";
    "KEELSON_MISCONFIGURED", "MisconfigurationError",
        "The setup of the program keeps a part from working; `check` says how. Reported to `onError`.";
    "KEELSON_PROCESS", "ProcessError",
        "A process of keelson/process did not take or answer a message, or ended; `processId` says which, `cause` why.";
    "KEELSON_LEASE_ENDED", "LeaseEndedError",
        "A heartbeat of a task whose lease has ended; `outcome` says how. Nothing was counted.";
    "KEELSON_PROVIDER", "ProviderError",
        "A state provider did not answer in time, or not with a state; the engine uses its own state and tries again.";
    "KEELSON_DEPENDENCY_MISSING", "DependencyMissingError",
        "An optional package is needed and not installed; install one of `packages`.";
    "KEELSON_CIRCUIT_OPEN", "CircuitOpenError",
        "A circuit breaker did not let a call through; `reason` and `retryAfterMs` say why and when to return.";
    "KEELSON_BULKHEAD_REJECTED", "BulkheadRejectedError",
        "A bulkhead did not let a call through, at once or after a wait; `reason` says why. The task was not run.";
    "KEELSON_FAILED_RESPONSE", "FailedResponseError",
        "A response of `policy.fetch` counts as a failure; `response` is it, `retryAfterMs` the wait it asks for.";
    "KEELSON_SAGA_FAILED", "SagaError",
        "A step of a saga failed, or the saga was aborted; `step` names it, `failures` what was not compensated.";
    "KEELSON_INTERRUPTED", "InterruptedError",
        "`run()` of an effect that was interrupted; `reason` is the reason of the interrupt.";
    "KEELSON_EFFECT_FAILED", "EffectFailedError",
        "`run()` of an effect that failed with a value that is no `Error`; `failure` is that value.";
    "KEELSON_SCOPE_CLOSED", "ScopeClosedError",
        "A finaliser was added to a scope that has begun to close; it will not run.";
    "KEELSON_UNFINISHED", "UnfinishedError",
        "A finaliser, or work that it waits for, did not end within its `timeoutMs`; the others went on without it.";
    "KEELSON_JOIN_CYCLE", "JoinCycleError",
        "A fibre tried to join itself, or one that waits for it; both would have waited for ever.";
    "KEELSON_QUEUE_SHUTDOWN", "QueueShutdownError",
        "A queue of effects was shut down: it takes no items, or has none left.";
    "KEELSON_OBSERVE_ADDRESS", "ObserveAddressError",
        "`observe()` cannot listen there; `field` is the option, `address` the place, and `reason` says why.";
    "KEELSON_PROPERTY", "PropertyError",
        "A property of a simulation does not hold; `kind` and `property` say which, `atMs` when.";
    "KEELSON_NOT_LINEARIZABLE", "LinearizabilityError",
        "No order of the operations explains what the clients of a history saw; `result` has the part that does not fit.";
    "KEELSON_SIMULATION_STUCK", "SimulationStuckError",
        "The program of a simulation cannot go on, never ends, or has left work behind; `kind` and `waits` say what.";
    "KEELSON_REAL_WORLD", "RealWorldError",
        "The program of a simulation used real timers, files, sockets, processes or threads; `what` and `site` say where.";
    "KEELSON_NONDETERMINISM", "NondeterminismError",
        "The program of a simulation did something else when the same run was repeated; `step` is the first difference.";
    "KEELSON_REPLAY_DIVERGED", "ReplayDivergedError",
        "The program asked another question than the file that is replayed; `choice` is the number of the choice.";
    "KEELSON_REPLAY_FILE", "ReplayFileError",
        "A file is no recording of a simulation, or one of another version of the format; `path` names it.";
    "KEELSON_LEAK", "LeakError",
        "A test left a fibre, a timer, a scope or a finaliser behind; `leaks` has a line for each.";
    "KEELSON_EXPECTATION", "ExpectationError",
        "A probe of a test got no message that it expected, or got one where none was; `messages` lists what it got.";
    "KEELSON_PANIC", "NativePanicError",
        "The Rust core panicked: a bug in keelson. The process lives, the object involved should be discarded.";
    "KEELSON_PRIVATE_CONSTRUCTOR", "PrivateConstructorError",
        "The class has no public constructor; `factory` names the function that makes its objects.";
    "KEELSON_DASHBOARD_NO_TERMINAL", "DashboardTerminalError",
        "The dashboard has no terminal to draw on: standard streams may be pipes, but the program needs a terminal.";
    "KEELSON_DASHBOARD_RUNNING", "DashboardRunningError",
        "A dashboard runs in this process already; a terminal has one at a time.";
    "KEELSON_DASHBOARD_NO_SERVICE", "DashboardTargetError",
        "No service answers at the pid, socket or address (`target`); the message says what to do.";
    "KEELSON_DASHBOARD_NO_PROCESS", "DashboardProcessError",
        "`selectProcess()` got the id of no process that lives; `processId` is it.";
    "KEELSON_DASHBOARD_FAILED", "DashboardFailedError",
        "The dashboard ended by a fault of its own; the program goes on, and the terminal is as it was.";
    "KEELSON_BINDING_MISSING", "BindingMissingError",
        "The native addon of this `platform` and `libc` is not installed, or cannot be loaded; `package` has it, and \
         `cause` is the system's reason.";
    "KEELSON_BINDING_VERSION", "BindingVersionError",
        "The native addon of `package` was built for the version `actual`, and keelson is of `expected`.";
    "KEELSON_UNSUPPORTED_NODE", "UnsupportedNodeError",
        "This Node is too old for the package; `needed` lists the versions that work.";
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_and_classes_are_unique() {
        for (index, entry) in ERROR_CODES.iter().enumerate() {
            assert!(entry.code.starts_with("KEELSON_"), "{}", entry.code);
            assert!(entry.meaning.ends_with('.'), "{}", entry.code);
            for other in &ERROR_CODES[index + 1..] {
                assert_ne!(entry.code, other.code);
                assert_ne!(entry.class, other.class);
            }
        }
    }
}
