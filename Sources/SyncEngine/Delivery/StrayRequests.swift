import RollcallCore
import Warehouse

/// Requests that may have left after the lease was another's. Between the last look and the bytes on the wire a process can
/// always be stopped, so its request may come when another process has sent for the same people. No one but this process
/// knows of it: what may have strayed is written down without the lease, and the next run puts it right.
extension Delivery {
    /// How long the note is tried while the warehouse is away.
    private static let noteTimeout = Duration.seconds(60)

    /// Notes those of the requests that may have left after a takeover.
    /// - Parameters:
    ///   - results: what was sent and could not be recorded.
    ///   - failure: why it could not.
    /// - Throws: `RunError` `stray_requests` when the note could not be written.
    func leaveStrays(of run: SyncRun, _ results: [BatchResult], _ failure: any Error) async throws {
        // That the lease is another's does not say since when.
        let isLost = (failure as? WarehouseError)?.kind == .leaseLost
        let strays = results.flatMap(\.sent).filter { isLost || !$0.isCovered }.flatMap(\.changes)
        if strays.isEmpty { return }
        // Each change once, however often it was tried.
        let changes = Dictionary(strays.map { ($0.sequence, $0) }) { first, _ in first }.values
            .sorted { $0.sequence < $1.sequence }
        do throws(WarehouseError) {
            try await note(run, changes)
        } catch {
            throw RunError(
                code: "stray_requests",
                message: "requests about \(changes.count) people may have been sent after another process took the sync"
                    + " over, and this could not be noted for the next run: \(error.error.message)",
                hint: run.kind == .events
                    ? "An event that was sent twice is in Iterable once, by its id; nothing needs to be done."
                    : "Run `rollcall run \(run.sync) --full`: it sends everybody in the audience once more.")
        }
    }

    private func note(_ run: SyncRun, _ changes: [Change]) async throws(WarehouseError) {
        let end = context.clock.uptime + Self.noteTimeout
        var pause = Duration.milliseconds(100)
        while true {
            do throws(WarehouseError) {
                let seconds = context.limits.lostRequestSeconds
                return try await context.warehouse.noteStrays(run, changes, settleSeconds: seconds)
            } catch {
                guard error.isTransient, context.clock.uptime < end, (try? await context.clock.sleep(for: pause)) != nil
                else {
                    throw error
                }
                pause = min(pause * 2, .seconds(3))
            }
        }
    }
}
