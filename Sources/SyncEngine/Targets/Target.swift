import Foundation
import RollcallCore
import Warehouse

/// What a sync keeps equal to its source, as a run meets it: it is looked for, taken, made where it is missing, and sent to.
/// There is one set of these three types for each ``RecordKind``; the pipeline, delivery and recovery know nothing else of kinds.
protocol TargetResolver: Sendable {
    /// What there is, by Iterable's own account. Writes nothing.
    func find() async throws -> any FoundTarget
}

/// What was found, which may be that it is still to be made.
protocol FoundTarget: Sendable {
    /// Its number in Iterable; nil: it is to be made, or has none.
    var id: Int64? { get }
    /// What it is called; nil: that is not known.
    var name: String? { get }
    /// Whether it can be sent to without being made first.
    var isThere: Bool { get }

    /// Why this sync may not keep it, seen without writing anything; nil: it may.
    func refusal() async throws -> RunError?
    /// Binds the sync to it, also where it is still to be made. Nothing may be sent before that.
    /// - Throws: `RunError` where another sync keeps it.
    func take(_ run: RunContext) async throws
    /// Is called once a plan for it is staged.
    /// - Parameter isHeld: whether the run is held, and perhaps never carried out.
    func staged(_ plan: Plan, isHeld: Bool, _ run: RunContext) async throws
    /// Makes it where it is missing. The sync has taken it before.
    func ensure(_ run: RunContext) async throws -> any ReadyTarget
}

extension FoundTarget {
    func staged(_ plan: Plan, isHeld: Bool, _ run: RunContext) async throws {}
}

/// What can be sent to.
protocol ReadyTarget: Sendable {
    /// Its number in Iterable; nil: it has none.
    var id: Int64? { get }

    /// The request that carries out these changes, all of one operation.
    func request(_ operation: RollcallCore.Operation, for changes: ArraySlice<Change>, now: Date) -> DeliveryRequest
    /// Sends what must be sent, and looked at, before everything else.
    /// - Parameter delivery: makes a delivery to a target.
    /// - Returns: why nothing more may be sent; nil: the rest may be.
    func sendFirst(_ run: inout SyncRun, _ context: RunContext, _ delivery: (any ReadyTarget) -> Delivery) async throws
        -> Delivery.Ending?
    /// Records in one request, at most.
    func recordsPerRequest(_ operation: RollcallCore.Operation, _ limits: DestinationLimits) -> Int
    /// What an outcome means for a change of this kind.
    func outcome(_ outcome: RecordOutcome, of change: Change, now: Date) -> RecordOutcome
    /// Is called with what Iterable took.
    func took(_ changes: [Change])
    /// Is called with the names of fields that Iterable did not take although it took the records.
    func leftOut(_ fields: [String])
    /// Is called once everything was sent, or nothing more can be.
    /// - Parameter isWhole: whether everything was sent.
    func sentAll(_ context: RunContext, isWhole: Bool) async throws
    /// The outcomes of changes that are not sent, where a look at Iterable tells so before the request for their batch.
    /// - Throws: where Iterable, or the warehouse, cannot be asked; `CancellationError` where the run is to stop.
    func withhold(_ batch: [Change]) async throws -> [Int64: RecordOutcome]
    /// Whether Iterable may take, in another form, a change that it refused for this reason.
    func mayHaveOtherForm(_ change: Change, refusedFor reason: FailureReason) -> Bool
    /// Those of these changes that are sent once more in another form, in this form and in their order.
    /// - Parameter refused: changes that may have another form.
    /// - Throws: as ``withhold(_:)``.
    func otherForms(of refused: [Change]) async throws -> [Change]
    /// What becomes of a request, where a look at Iterable tells it before the request is sent; nil: it is to be sent.
    func foresee(_ request: DeliveryRequest) async -> DeliveryAnswer?
    /// Writes down, where that matters, that Iterable has it no more.
    /// - Returns: what the run fails with.
    func isGone(_ run: RunContext) async throws -> RunError
}

extension ReadyTarget {
    func sendFirst(
        _ run: inout SyncRun, _ context: RunContext, _ delivery: (any ReadyTarget) -> Delivery
    ) async throws -> Delivery.Ending? { nil }

    func withhold(_ batch: [Change]) async throws -> [Int64: RecordOutcome] { [:] }

    func mayHaveOtherForm(_ change: Change, refusedFor reason: FailureReason) -> Bool { false }

    func otherForms(of refused: [Change]) async throws -> [Change] { [] }

    func foresee(_ request: DeliveryRequest) async -> DeliveryAnswer? { nil }

    func outcome(_ outcome: RecordOutcome, of change: Change, now: Date) -> RecordOutcome { outcome }

    func took(_ changes: [Change]) {}

    func leftOut(_ fields: [String]) {}

    func sentAll(_ context: RunContext, isWhole: Bool) async throws {}
}

/// What was found of a target that plans for itself.
protocol PlanningTarget: FoundTarget {
    /// - Parameters:
    ///   - runID: the run that is planned; "" where none is.
    ///   - mayWrite: whether local files may be written.
    func plan(key: [UInt8], runID: String, resend: PlanScope, mayWrite: Bool) async throws -> Plan
}

/// What was found of a target whose records have content.
protocol FoundRecords: PlanningTarget {
    var planner: RecordPlanner { get }
    var shape: RecordShape { get }

    /// - Parameter runID: the run that is planned; "" where none is.
    func circumstances(_ runID: String) -> RecordPlanner.Circumstances
}

extension FoundRecords {
    func plan(key: [UInt8], runID: String, resend: PlanScope, mayWrite: Bool) async throws -> Plan {
        if let misuse = resend.misuse(of: planner.sync) { throw misuse }
        return try await planner.plan(shape, key: key, resend: resend, circumstances(runID), mayWrite: mayWrite)
    }
}
