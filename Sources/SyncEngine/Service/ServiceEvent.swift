package import RollcallCore

/// Something that happened in this process.
package enum ServiceEvent: Sendable, Equatable {
    /// A run was opened, or a held run resumed.
    case started(SyncRun)
    /// At most a few times a second for each run.
    case progress(LiveRun)
    /// A run came to its end, or is held.
    case ended(SyncRun)
    /// A tick was decided upon by this process.
    case tick(Tick)
    /// An alert is due; sent once for each change, by one of the processes.
    case alert(Alert)
    /// A sync was paused or resumed here.
    case paused(sync: String, Bool)
    /// A new configuration took effect.
    case reloaded
    /// A new configuration was refused; the old one stays.
    case reloadRefused(RunError)
    /// A warehouse cannot be reached, or a sync could not be begun.
    case problem(ServiceProblem)
    /// What was wrong is no more.
    case solved(ServiceProblem)
}

/// Something that keeps syncs from running.
package struct ServiceProblem: Sendable, Equatable {
    package enum Subject: Sendable, Hashable {
        case warehouse(String)
        case sync(String)
        case configuration
    }

    package var subject: Subject
    package var error: RunError

    package init(subject: Subject, error: RunError) {
        self.subject = subject
        self.error = error
    }
}
