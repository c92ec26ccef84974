import Foundation
import RollcallCore
import Synchronization
import Warehouse

extension WarehouseLane {
    // MARK: Opening

    /// Migrations may take long; a connection that hangs must not be waited for for ever.
    private static let openLimit = Duration.seconds(300)

    /// Makes the warehouse's tables and reads its key, as soon as it can be reached.
    func open() async {
        if let spool, let key = try? await disk.run({ spool.readKey() }) { keys.remember(key) }
        // Requests wait no longer than they would for a group.
        let timer = Task {
            try? await clock.sleep(for: Self.storeLimit)
            keys.endFirstAttempt()
        }
        defer {
            timer.cancel()
            keys.endFirstAttempt()
        }
        // Also when the end is near already: what came before it may need the key.
        repeat {
            let outcome = await call(atMost: Self.openLimit) { store throws(WarehouseError) in
                _ = try await store.migrate()
                return try await store.receiverKey()
            }
            switch outcome {
            case .success(let key): return await opened(key)
            case .failure(let error):
                failed(error)
                keys.endFirstAttempt()
                if isStopping { return }
                await openBell.wait(atMost: health.pause(at: clock.uptime) ?? .seconds(1), clock)
            }
        } while !isStopping
    }

    private func opened(_ key: [UInt8]) async {
        if let spool, keys.known?.key != key {
            do throws(SpoolFailure) {
                try await disk.run { () throws(SpoolFailure) in try spool.writeKey(key) }
            } catch {
                note(error.note(warehouse))
            }
        }
        if keys.open(key) { note(.keyChanged(warehouse: warehouse)) }
        succeeded()
        inbox.bell.ring()
        drainBell.ring()
        retentionBell.ring()
    }

    // MARK: The spool

    private static let adoptEvery = Duration.seconds(60)
    private static let drainLimit = Duration.seconds(60)

    /// Stores what waits in the spool, and takes what ended processes left there.
    func drain() async {
        guard let spool, let folder else { return }
        var lastLook: Duration?
        while !isStopping {
            if lastLook.map({ clock.uptime - $0 >= Self.adoptEvery }) ?? true {
                lastLook = clock.uptime
                await adopt(spool)
            }
            if keys.isReady, health.pause(at: clock.uptime) == nil, await drain(folder, isOwn: true) {
                await drainAdopted()
            }
            if isStopping { break }
            await drainBell.wait(atMost: health.pause(at: clock.uptime) ?? Self.adoptEvery, clock)
        }
        for folder in adopted.withLock({ $0 }) { await folder.end() }
        adopted.withLock { $0 = [] }
    }

    private func adopt(_ spool: WarehouseSpool) async {
        let known = Set((adopted.withLock { $0 } + (folder.map { [$0] } ?? [])).map(\.path))
        do throws(SpoolFailure) {
            for found in try await disk.run({ () throws(SpoolFailure) in try spool.adopt(except: known) }) {
                try await found.survey()
                adopted.withLock { $0.append(found) }
                let bodies = found.waiting.bodies
                if bodies > 0 { note(.spoolAdopted(warehouse: warehouse, bodies: bodies)) }
            }
        } catch {
            spoolFailed(error)
        }
    }

    private func drainAdopted() async {
        for folder in adopted.withLock({ $0 }) {
            guard await drain(folder, isOwn: false) else { return }
            adopted.withLock { $0.removeAll { $0 === folder } }
            await folder.end()
        }
    }

    /// - Returns: whether nothing is left.
    private func drain(_ folder: SpoolFolder, isOwn: Bool) async -> Bool {
        var drained = 0
        while !isStopping {
            do throws(SpoolFailure) {
                switch try await folder.oldest() {
                case .none:
                    if drained > 0 { note(.spoolDrained(warehouse: warehouse, bodies: drained)) }
                    spoolFailed(nil)
                    // Counts may wait for that.
                    if isOwn { inbox.bell.ring() }
                    return true
                case .damaged(let file): note(.spoolDamaged(warehouse: warehouse, file: file))
                case .group(let group):
                    guard await store(group, countsToTotals: isOwn) else { return false }
                    drained += group.bodies
                    try await folder.removeOldest()
                }
            } catch {
                spoolFailed(error)
                return false
            }
        }
        return false
    }

    private func store(_ group: PendingGroup, countsToTotals: Bool) async -> Bool {
        guard let storable = group.storable(keys.known) else { return false }
        let outcome = await call(atMost: Self.drainLimit) { store throws(WarehouseError) in
            try await store.storeReceived(storable)
        }
        switch outcome {
        case .success(let stored):
            succeeded()
            if countsToTotals { add(stored, of: storable) }
            return true
        case .failure(let error):
            failed(error)
            return false
        }
    }

    // MARK: Retention

    private static let retentionEvery = Duration.seconds(3600)
    private static let eventsAtOnce = 10_000
    /// Seconds by which clocks may be put right in the life of a process.
    private static let largestJump = 3600.0

    private static func clockJumped(by seconds: Double) -> RunError {
        let hours = Int((seconds / 3600).rounded())
        return RunError(
            code: "clock_jumped",
            message: "the clock of this machine was moved by \(hours) hours since the program started",
            hint: "Put the clock right, then restart `rollcall serve`.")
    }

    /// Deletes old events, once an hour. By a clock that has jumped, everything might be old: nothing is deleted then.
    func retain() async {
        let (start, startTime) = (clock.uptime, clock.wallTime)
        var last: Duration?
        while !isStopping {
            if keys.isReady, last.map({ clock.uptime - $0 >= Self.retentionEvery }) ?? true {
                last = clock.uptime
                let jump = clock.wallTime.timeIntervalSince(startTime) - (clock.uptime - start).seconds
                if abs(jump) < Self.largestJump {
                    await prune()
                } else {
                    note(.retentionFailed(warehouse: warehouse, problem: Self.clockJumped(by: jump)))
                }
            }
            await retentionBell.wait(atMost: Self.retentionEvery, clock)
        }
    }

    private func prune() async {
        for receiver in receivers {
            let before = clock.wallTime.addingTimeInterval(-86_400 * Double(receiver.retentionDays))
            while !isStopping {
                let outcome = await call(atMost: Self.drainLimit) { store throws(WarehouseError) in
                    try await store.pruneReceived(receiver: receiver.name, before: before, limit: Self.eventsAtOnce)
                }
                switch outcome {
                case .success(let count) where count >= Self.eventsAtOnce: continue
                case .success: break
                case .failure(let error):
                    if health.problem == nil, !isStopping {
                        note(.retentionFailed(warehouse: warehouse, problem: error.error))
                    }
                    return
                }
                break
            }
        }
    }
}
