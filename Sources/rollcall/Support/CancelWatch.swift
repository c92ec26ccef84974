import RollcallCore
import SyncEngine
import Synchronization
import Warehouse

/// Ends one run when the process is to stop, or when a serving process was asked to cancel it.
final class CancelWatch: Sendable {
    /// The run's own.
    let stop = StopSignal()
    private let processStop: StopSignal
    private let runID = Mutex<String?>(nil)

    /// Time between two looks at the warehouse.
    private static let pause = Duration.seconds(2)

    init(_ processStop: StopSignal) { self.processStop = processStop }

    func note(_ progress: RunProgress) {
        if case .opened(let run) = progress { runID.withLock { $0 = run.id } }
    }

    func during<R: Sendable>(_ warehouse: any TickStore, _ body: @Sendable () async -> R) async -> R {
        await withTaskGroup(of: Void.self) { group in
            group.addTask { [stop, processStop] in
                await processStop.wait()
                if let reason = processStop.reason { stop.request(reason) }
            }
            group.addTask { await self.watch(warehouse) }
            let result = await body()
            group.cancelAll()
            return result
        }
    }

    private func watch(_ warehouse: any TickStore) async {
        while (try? await Task.sleep(for: Self.pause)) != nil {
            guard let id = runID.withLock({ $0 }), let asked = try? await warehouse.cancelRequests() else { continue }
            if asked.contains(id) { stop.request(.cancelled) }
        }
    }
}
