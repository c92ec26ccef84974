import Foundation
import RollcallCore
import Warehouse

extension ReadyUsers {
    /// Sends the records that show what the new fields are, one a request, and goes on only once Iterable has given all of these
    /// fields the types that are meant.
    func sendFirst(
        _ run: inout SyncRun, _ context: RunContext, _ delivery: (any ReadyTarget) -> Delivery
    ) async throws -> Delivery.Ending? {
        if newFields.isEmpty { return nil }
        var first = self
        first.isTrial = true
        let trial = delivery(first)
        let (shown, ending) = try await show(&run, context, trial)
        if let ending { return ending }
        if shown.isEmpty { return nil }
        do {
            return try await types(of: shown, context).map { .init(error: $0) }
        } catch {
            return .init(error: RunError(any: error))
        }
    }

    /// Which new fields were shown, and what there is of the others.
    private struct Trial {
        var shown: [RemoteField] = []
        /// Fields that some record has a value of which is not to be the first one.
        var others: [RemoteField] = []
        /// Records that Iterable did not take: it does not know their people, or refuses them.
        var refused = 0
        /// Why, of the last one that it refused.
        var refusal: FailureReason?
        var isOver = false
    }

    /// Sends the records that show the new fields. Those that the plan has put in front each show a further field, and no other
    /// new one in a wrong way. Where Iterable does not take one of them, records behind them may show as much.
    /// - Returns: the fields that were shown, and why nothing more may be sent.
    private func show(
        _ run: inout SyncRun, _ context: RunContext, _ delivery: Delivery
    ) async throws -> (shown: [RemoteField], ending: Delivery.Ending?) {
        var (trial, last): (Trial, Int64) = (Trial(), 0)
        while !trial.isOver {
            let page = try await changes(of: run, after: last, context)
            guard let end = page.last?.sequence else { break }
            last = end
            for change in page where !trial.isOver {
                if let ending = try await show(change, &trial, &run, context, delivery) { return (trial.shown, ending) }
            }
        }
        let missed = newFields.filter { trial.others.contains($0) && !trial.shown.contains($0) }
        if missed.isEmpty || context.stop.reason != nil { return (trial.shown, nil) }
        // Without their types the fields would be left out of every profile.
        let names = missed.map(\.name).joined(separator: ", ")
        let error =
            trial.refusal.map(isRefused) ?? (trial.refused > 0 ? noneIsKnown : Canary.notShown(names, missed.count))
        return (trial.shown, .init(error: error))
    }

    private func show(
        _ change: Change, _ trial: inout Trial, _ run: inout SyncRun, _ context: RunContext, _ delivery: Delivery
    ) async throws -> Delivery.Ending? {
        let seen = newFields.map { (field: $0, shows: Self.shows($0, change.payload ?? [])) }
        let more = seen.filter { $0.shows == true && !trial.shown.contains($0.field) }.map(\.field)
        let showsWrongly = seen.contains { $0.shows == false && !trial.shown.contains($0.field) }
        if more.isEmpty || showsWrongly || trial.refused == Self.mostRefused {
            if showsWrongly || !more.isEmpty { trial.others += seen.filter { $0.shows != nil }.map(\.field) }
            trial.isOver = trial.refused == 0 || context.stop.reason != nil
            return nil
        }
        // What must not cross an earlier request waits for its time.
        while let time = change.notBefore, time > context.now, context.stop.reason == nil {
            let seconds = time.timeIntervalSince(context.now)
            context.progress(.waiting(seconds: seconds, reason: "what was sent before may still land"))
            await context.stop.sleep(for: .seconds(seconds), on: context.clock)
        }
        if context.stop.reason != nil {
            trial.isOver = true
            return nil
        }
        // What it would show wrongly has its type by an earlier record; Iterable may not have carried that out yet.
        if seen.contains(where: { $0.shows == false }), let error = try await types(of: trial.shown, context) {
            return .init(error: error)
        }
        let (outcome, ending) = try await delivery.deliver(only: change, &run)
        if ending.error != nil || ending.targetIsGone { return ending }
        switch outcome {
        case .succeeded: break
        case .failed(let reason), .rejected(let reason):
            trial.refused += 1
            if reason.code != ProfileLookUps.unknown.code { trial.refusal = reason }
            return nil
        default: return .init(error: isRefused(outcome.reason))
        }
        trial.shown += more
        trial.isOver = trial.shown.count == newFields.count
        return nil
    }

    /// Records that may be refused before the search for others ends.
    private static let mostRefused = 100

    private func changes(of run: SyncRun, after sequence: Int64, _ context: RunContext) async throws -> [Change] {
        let id = run.id
        return try await context.keeper.retryWhileLeaseHeld { () async throws(WarehouseError) in
            try await context.warehouse.changes(run: id, after: sequence, limit: 1000)
        }
    }

    /// Whether the object gives the field a value by which Iterable sees its type; nil: it gives it none.
    private static func shows(_ field: RemoteField, _ object: [UInt8]) -> Bool? {
        var value = (try? JSONSerialization.jsonObject(with: Data(object))) as? [String: Any]
        value = value?["dataFields"] as? [String: Any]
        let path = field.name.components(separatedBy: ".")
        for name in path.dropLast() { value = value?[name] as? [String: Any] }
        guard let last = value?[path[path.count - 1]], !(last is NSNull) else { return nil }
        return FieldValue.shows(json: last, as: field.type.flatMap(FieldType.init) ?? .string)
    }

    /// Waits until the fields are there.
    /// - Returns: why nothing more may be sent.
    private func types(of shown: [RemoteField], _ context: RunContext) async throws -> RunError? {
        var missing = shown
        for pause in Self.patience {
            let fields = try await resolver.remoteFields()
            for wanted in shown {
                let found = fields.first { $0.name.utf8.elementsEqual(wanted.name.utf8) }
                guard let type = found?.type, type != wanted.type, !(type == "nested" && wanted.type == "object") else {
                    continue
                }
                return isAnother(wanted, type)
            }
            missing = shown.filter { wanted in !fields.contains { $0.name.utf8.elementsEqual(wanted.name.utf8) } }
            if missing.isEmpty { return try await note(shown, context) }
            await context.stop.sleep(for: .seconds(pause), on: context.clock)
            if context.stop.reason != nil { return nil }
        }
        return RunError(
            code: "canary_failed",
            message: "Iterable took the first records, and does not show the new fields"
                + " \(missing.map(\.name).joined(separator: ", ")) after \(Self.patience.reduce(0, +)) seconds",
            hint: "Nothing more was sent. Make the fields in Iterable, or run again later.")
    }

    /// Seconds between two looks, 90 in all.
    private static let patience = [1, 2, 5, 10, 15, 15, 20, 22]

    private func note(_ made: [RemoteField], _ context: RunContext) async throws -> RunError? {
        let fields = made.map { KnownField(name: $0.name, type: $0.type ?? "", createdByRun: context.runID) }
        try await context.keeper.retryWhileLeaseHeld { () async throws(WarehouseError) in
            try await context.warehouse.noteFields(
                context.lease, destination: resolver.sync.destination, scope: UsersResolver.scope, fields)
        }
        return nil
    }

    private func isAnother(_ wanted: RemoteField, _ type: String) -> RunError {
        RunError(
            code: "canary_failed",
            message:
                "the new field \"\(wanted.name)\" has become one of type \(type) in Iterable, and \(wanted.type ?? "")"
                + " was meant",
            hint: "Nothing more was sent. The type stays for ever: send the column under another name.")
    }

    private var noneIsKnown: RunError {
        RunError(
            code: "canary_failed",
            message: "Iterable knows none of the people who were to be sent first, to make new fields",
            hint: "Nothing more was sent. Make the fields in Iterable, or let another sync make the profiles first.")
    }

    private func isRefused(_ reason: FailureReason?) -> RunError {
        RunError(
            code: "canary_failed",
            message: "the record that was sent first, to make new fields, was not taken: \(reason?.reason ?? "")",
            hint:
                "Nothing more was sent. The log of the run names the record: correct it; or make the fields in Iterable."
        )
    }
}
