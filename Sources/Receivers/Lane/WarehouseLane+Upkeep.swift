import Foundation
import RollcallCore
import Synchronization
import Warehouse

extension WarehouseLane {
    // MARK: Opening

    /// Migrations may take long; a connection that hangs must not be waited for for ever.
    private static let openLimit = Duration.seconds(300)

    /// Makes the warehouse's tables and reads its key, as soon as it can be reached, and again for each other store.
    func open() async {
        if let spool, let key = try? await disk.run({ spool.readKey() }) { keys.remember(key) }
        // Also when the end is near already: what came before it may need the key.
        repeat {
            if keys.isReady { await openBell.wait() } else { await openStore() }
        } while !isStopping
        keys.attempt.happen()
    }

    /// Returns when the present store is open, or has been replaced, or at the end.
    private func openStore() async {
        let attempt = keys.attempt
        // Requests wait no longer than they would for a group.
        let timer = Task {
            try? await clock.sleep(for: Self.storeLimit)
            attempt.happen()
        }
        defer {
            timer.cancel()
            attempt.happen()
        }
        repeat {
            let outcome = await call(atMost: Self.openLimit) { store throws(WarehouseError) in
                _ = try await store.migrate()
                return (key: try await store.receiverKey(), store: ObjectIdentifier(store))
            }
            switch outcome {
            case .success(let found): return await opened(found.key, of: found.store)
            case .failure(let error):
                failed(error)
                attempt.happen()
                if isStopping { return }
                await openBell.wait(atMost: health.pause(at: clock.uptime) ?? .seconds(1), clock)
            }
        } while !isStopping && attempt === keys.attempt
    }

    private func opened(_ key: [UInt8], of store: ObjectIdentifier) async {
        let isNew = keys.known?.key != key
        guard let hasChanged = keys.open(key, of: store) else { return }
        if let spool, isNew {
            do throws(SpoolFailure) {
                try await disk.run { () throws(SpoolFailure) in try spool.writeKey(key) }
            } catch {
                note(error.note(warehouse))
            }
        }
        if hasChanged { note(.keyChanged(warehouse: warehouse)) }
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
            if keys.isReady, health.pause(at: clock.uptime) == nil, await drain(folder, isOwn: true) != .stopped {
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
            let found = try await disk.run { () throws(SpoolFailure) in try spool.adopt(except: known) }
            spoolFailed(nil, at: spool.path)
            for (path, failure) in found.failures { spoolFailed(failure, at: path) }
            for folder in found.folders { await take(folder) }
        } catch {
            spoolFailed(error, at: spool.path)
        }
    }

    private func take(_ found: SpoolFolder) async {
        do throws(SpoolFailure) { try await found.survey() } catch {
            // Its lock ends with it; the next look tries again.
            return spoolFailed(error, at: found.path)
        }
        spoolFailed(nil, at: found.path)
        adopted.withLock { $0.append(found) }
        let bodies = found.waiting.bodies
        if bodies > 0 { note(.spoolAdopted(warehouse: warehouse, bodies: bodies)) }
    }

    private func drainAdopted() async {
        for folder in adopted.withLock({ $0 }) {
            switch await drain(folder, isOwn: false) {
            case .unreadable: continue
            case .stopped: return
            case .empty:
                adopted.withLock { $0.removeAll { $0 === folder } }
                await folder.end()
            }
        }
    }

    private enum Drained {
        /// Nothing is left.
        case empty
        /// The folder cannot be read; others may be.
        case unreadable
        /// The warehouse cannot be written now, or the end is near.
        case stopped
    }

    private func drain(_ folder: SpoolFolder, isOwn: Bool) async -> Drained {
        // A group may wait until the last one is stored, and counts until nothing is left.
        defer { if isOwn { inbox.bell.ring() } }
        var drained = 0
        while !isStopping {
            do throws(SpoolFailure) {
                switch try await folder.oldest() {
                case .none:
                    if drained > 0 { note(.spoolDrained(warehouse: warehouse, bodies: drained)) }
                    spoolFailed(nil, at: folder.path)
                    return .empty
                case .damaged(let file): note(.spoolDamaged(warehouse: warehouse, file: file))
                case .groups(let groups):
                    guard await store(groups, countsToTotals: isOwn) else { return .stopped }
                    drained += groups.reduce(0) { $0 + $1.bodies }
                    try await folder.removeOldest()
                    if isOwn { inbox.bell.ring() }
                }
            } catch {
                spoolFailed(error, at: folder.path)
                return .unreadable
            }
        }
        return .stopped
    }

    private func store(_ groups: [PendingGroup], countsToTotals: Bool) async -> Bool {
        let maker = keys.known
        let storable = groups.compactMap { $0.storable(maker) }
        guard storable.count == groups.count else { return false }
        switch await store(storable, atMost: Self.drainLimit) {
        case .success(let stored?):
            succeeded()
            if countsToTotals { add(stored, of: storable) }
            return true
        case .success(nil): return false
        case .failure(let error):
            failed(error)
            return false
        }
    }
}
