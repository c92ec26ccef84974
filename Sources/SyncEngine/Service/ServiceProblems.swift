import RollcallCore

/// What is wrong at present, each subject once.
struct ServiceProblems {
    private var errors: [ServiceProblem.Subject: RunError] = [:]

    var count: Int { errors.count }
    var all: [ServiceProblem] {
        errors.map { ServiceProblem(subject: $0.key, error: $0.value) }.sorted { "\($0.subject)" < "\($1.subject)" }
    }

    subscript(subject: ServiceProblem.Subject) -> RunError? { errors[subject] }

    /// - Returns: the event to send; nil: it was known, or has another event (a configuration that was refused).
    mutating func note(_ subject: ServiceProblem.Subject, _ error: RunError) -> ServiceEvent? {
        guard errors[subject] != error else { return nil }
        errors[subject] = error
        return subject == .configuration ? nil : .problem(ServiceProblem(subject: subject, error: error))
    }

    /// - Returns: the event to send; nil: nothing was wrong.
    mutating func solve(_ subject: ServiceProblem.Subject) -> ServiceEvent? {
        errors.removeValue(forKey: subject).map { .solved(ServiceProblem(subject: subject, error: $0)) }
    }

    /// Forgets those of warehouses and syncs that are configured no more, of warehouses that hold no state any more, and of the
    /// configuration before.
    mutating func keep(_ setup: ServiceSetup) {
        errors = errors.filter { subject, _ in
            switch subject {
            case .warehouse(let name): setup.warehouses[name] != nil && setup.states[name] == nil
            case .sync(let name): setup.sync(name) != nil
            case .configuration: false
            }
        }
    }
}
