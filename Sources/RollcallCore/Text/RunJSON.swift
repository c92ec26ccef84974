/// A run as JSON, as `run --json` promises it: one line, the keys always in this order.
package struct RunJSON: Sendable {
    /// The members of the object, to which a caller may add.
    package var fields: [(key: String, value: JSON)]

    package var json: JSON { .object(fields) }
    package var text: String { json.text }

    /// A run that was opened.
    package init(_ run: SyncRun) {
        fields = [
            ("run_id", .string(run.id)), ("sync", .string(run.sync)), ("status", .string(run.status.rawValue)),
            ("trigger", .string(run.trigger.rawValue)), ("kind", .string(run.kind.rawValue)),
            ("target", .string(run.target)), ("list_id", .integer(run.listID)),
            ("started_at", .time(run.startedAt)), ("finished_at", .time(run.finishedAt)),
            ("counts", Self.counts(run.counts, run.kind)), ("requests", Self.requests(run.requests)),
            ("error", Self.error(run.error)),
        ]
        if !run.held.isEmpty { fields.append(("held", Self.held(run.held))) }
        if let read = run.read { fields.append(("read", Self.read(read))) }
    }

    /// A plan: the same object without run id and times. Its status is the one that the run would begin with, and all
    /// that is planned counts as not attempted, so that the accounting balances here too.
    package init(
        plan planned: RunCounts, sync: String, kind: RecordKind, target: String?, listID: Int64?, held: [GuardFinding],
        read: AudienceRead? = nil
    ) {
        var counts = planned
        counts.notAttempted = planned.planned
        let status = held.isEmpty ? RunStatus.queued : .held
        fields = [
            ("sync", .string(sync)), ("status", .string(status.rawValue)),
            ("trigger", .string(RunTrigger.manual.rawValue)), ("kind", .string(kind.rawValue)),
            ("target", .string(target)), ("list_id", .integer(listID)),
            ("counts", Self.counts(counts, kind)), ("requests", Self.requests(RequestCounts())), ("error", .null),
            ("held", Self.held(held)),
        ]
        if let read { fields.append(("read", Self.read(read))) }
    }

    /// A request that led to no run.
    package init(sync: String, kind: RecordKind, error: RunError) {
        fields = [
            ("run_id", .null), ("sync", .string(sync)), ("status", .string(RunStatus.failed.rawValue)),
            ("trigger", .string(RunTrigger.manual.rawValue)), ("kind", .string(kind.rawValue)), ("target", .null),
            ("list_id", .null), ("started_at", .null), ("finished_at", .null),
            ("counts", Self.counts(RunCounts(), kind)),
            ("requests", Self.requests(RequestCounts())), ("error", Self.error(error)),
        ]
    }

    private static func counts(_ counts: RunCounts, _ kind: RecordKind) -> JSON {
        func perOperation(_ numbers: PerOperation) -> JSON {
            .object(kind.operations.map { ($0.rawValue, .integer(numbers[$0])) })
        }
        var fields: [(key: String, value: JSON)] = [
            ("rows_read", .integer(counts.rowsRead)), ("invalid", .integer(counts.invalid)),
            ("duplicates", .integer(counts.duplicates)), ("excluded", .integer(counts.excluded)),
            (kind == .list ? "audience" : "records", .integer(counts.audience)),
            ("unchanged", .integer(counts.unchanged)), ("waiting", .integer(counts.waiting)),
        ]
        if kind == .events { fields.append(("late", .integer(counts.late))) }
        if kind == .catalog {
            fields += [("verified", .integer(counts.verified)), ("not_verified", .integer(counts.notVerified))]
        }
        fields += [
            ("planned", perOperation(counts.planned)), ("succeeded", perOperation(counts.succeeded)),
            ("failed", perOperation(counts.failed)), ("not_attempted", .integer(counts.notAttempted.total)),
            ("unknown", .integer(counts.unknown.total)),
        ]
        return .object(fields)
    }

    private static func requests(_ requests: RequestCounts) -> JSON {
        .object([
            "sent": .integer(requests.sent), "retried": .integer(requests.retried),
            "rate_limited": .integer(requests.rateLimited),
        ])
    }

    private static func read(_ read: AudienceRead) -> JSON {
        .object([
            "mode": .string(read.mode.rawValue), "bytes": .integer(read.bytes), "seconds": .number(read.seconds),
            "reason": .string(read.reason),
        ])
    }

    private static func error(_ error: RunError?) -> JSON {
        guard let error else { return .null }
        return .object([
            "code": .string(error.code), "message": .string(error.message), "hint": .string(error.hint),
        ])
    }

    private static func held(_ findings: [GuardFinding]) -> JSON {
        .array(
            findings.map {
                .object(["guard": .string($0.guard), "limit": .string($0.limit), "observed": .string($0.observed)])
            })
    }
}
