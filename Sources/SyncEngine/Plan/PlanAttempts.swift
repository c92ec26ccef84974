import RollcallCore
import Warehouse

extension SyncPipeline {
    /// Pauses between attempts at a plan, one more of which are made; the replay or lock that ended the reading goes on meanwhile.
    private static let planPauses: [Duration] = [.seconds(1), .seconds(5)]

    /// A plan for what was found. Rows that a plan was given cannot be taken back, so where a standby or another session's lock
    /// ends the reading, the whole plan is begun again, up to three times in all; where rows were not those of their digests, it
    /// is begun again at once and reads all rows. It has written nothing by then.
    /// - Throws: `WarehouseError` with ``WarehouseError/endsReading`` when the last attempt was ended as well.
    func plan(
        for found: any FoundTarget, key: [UInt8], runID: String, resend: PlanScope, mayWrite: Bool
    ) async throws -> Plan {
        var pauses = Self.planPauses[...]
        var resend = resend
        while true {
            do {
                return try await planOnce(for: found, key: key, runID: runID, resend: resend, mayWrite: mayWrite)
            } catch let error as WarehouseError where error.kind == .inconsistent && !resend.ungrouped {
                resend.ungrouped = true
            } catch var error as WarehouseError where error.endsReading {
                guard let pause = pauses.popFirst() else {
                    error.error.message += " It was begun \(Self.planPauses.count + 1) times."
                    throw error
                }
                progress(.waiting(seconds: pause.seconds, reason: "the source: \(error.error.message)"))
                await stop.sleep(for: pause, on: clock)
                if stop.reason != nil { throw CancellationError() }
            }
        }
    }
}
