import Hummingbird
import RollcallCore
import SyncEngine

/// `/healthz`, `/readyz` and `/metrics`.
struct HealthRoutes: Sendable {
    let service: SyncService
    let gate: Gate
    let traffic: TrafficCounter
    /// nil: the process has no receivers.
    let receivers: (any ReceiverReading)?

    /// Seconds that the scheduler may be late before something is wrong.
    private static let patience = 60.0

    var routes: [Route] {
        [
            Route(.get, "/healthz", .anybody) { _, _ in
                let health = await service.health()
                let isStuck = health.isRunning && health.schedulerLateness > Self.patience
                let body = JSON.object([
                    "status": .string(isStuck ? "stuck" : "ok"),
                    "scheduler_lateness_seconds": .number(health.schedulerLateness),
                ])
                return Reply.json(body, status: isStuck ? .serviceUnavailable : .ok)
            },
            Route(.get, "/readyz", .anybody) { _, context in
                let report = ProblemReport(await service.health(), patience: Self.patience)
                // Messages name hosts and tables: those who showed no token get the codes only.
                let isKnown = gate.isOpen || context.principal != nil
                return Reply.json(report.json(full: isKnown), status: report.isReady ? .ok : .serviceUnavailable)
            },
            Route(.get, "/metrics", .reader) { _, _ in
                var text = MetricsText()
                text.add(await service.metrics())
                text.add(traffic.snapshot)
                if let receivers { text.add(receivers.metrics()) }
                return Reply.text(text.text, type: "text/plain; version=0.0.4; charset=utf-8")
            },
        ]
    }
}

/// What is wrong, for `/readyz`.
struct ProblemReport: Sendable {
    private let health: ServiceHealth
    private let isLate: Bool

    init(_ health: ServiceHealth, patience: Double) {
        self.health = health
        isLate = health.schedulerLateness > patience
    }

    /// Whether the process can do its work: it runs, keeps time, and reaches its warehouses.
    var isReady: Bool {
        health.isRunning && !isLate
            && !health.problems.contains { if case .warehouse = $0.subject { true } else { false } }
    }

    /// - Parameter full: with messages and hints.
    func json(full: Bool) -> JSON {
        var problems = health.problems.map { full ? Self.json($0) : Self.brief($0) }
        if !health.isRunning {
            problems.append(
                .object(["subject": .string("scheduler"), "name": .null, "code": .string("not_running")]))
        } else if isLate {
            problems.append(.object(["subject": .string("scheduler"), "name": .null, "code": .string("late")]))
        }
        let status = isReady ? (problems.isEmpty ? "ready" : "degraded") : "unready"
        return .object([
            "status": .string(status), "problems": .array(problems),
            "scheduler_lateness_seconds": .number(health.schedulerLateness),
        ])
    }

    static func json(_ problem: ServiceProblem) -> JSON {
        let (subject, name) = words(problem.subject)
        return .object([
            "subject": .string(subject), "name": .string(name), "code": .string(problem.error.code),
            "message": .string(problem.error.message), "hint": .string(problem.error.hint),
        ])
    }

    private static func brief(_ problem: ServiceProblem) -> JSON {
        let (subject, name) = words(problem.subject)
        return .object([
            "subject": .string(subject), "name": .string(name), "code": .string(problem.error.code),
        ])
    }

    static func words(_ subject: ServiceProblem.Subject) -> (String, String?) {
        switch subject {
        case .warehouse(let name): ("warehouse", name)
        case .sync(let name): ("sync", name)
        case .configuration: ("configuration", nil)
        }
    }
}
