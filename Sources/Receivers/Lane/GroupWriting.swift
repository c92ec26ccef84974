import RollcallCore
import Warehouse

/// Makes the bodies of a lane's inbox durable, group by group, and lets those who wait for it know.
struct GroupWriting {
    private static let countsEvery = Duration.seconds(1)

    private let lane: WarehouseLane
    private var groups: GroupMaker
    private var sequence: Int64 = 0
    /// Counts of a group that may be stored, although its bodies were refused; under the group's own sequence, before all later ones.
    private var unsettled: PendingGroup?
    private var countsWrittenAt: Duration?
    private var isSpoolRefused = false

    init(_ lane: WarehouseLane) {
        self.lane = lane
        groups = GroupMaker(lane.inbox)
    }

    /// Returns when the lane stops and everything is answered.
    mutating func run() async {
        while true {
            await lane.keys.waitForFirstAttempt()
            let isEnding = lane.isStopping
            switch groups.next(now: lane.clock.uptime, isEnding: isEnding) {
            case .group(let entries):
                let isDurable = await keep(entries.map(\.item), counts: areCountsDue ? lane.takeCounts() : [])
                for entry in entries { entry.answer.resume(returning: isDurable) }
            case .later(let pause): await lane.inbox.bell.wait(atMost: pause, lane.clock)
            case .nothing where isEnding:
                if lane.hasCounts || unsettled != nil { _ = await keep([], counts: lane.takeCounts()) }
                return
            case .nothing: await rest()
            }
        }
    }

    // MARK: Without bodies

    private var areCountsDue: Bool { pauseForCounts <= .zero }

    private var pauseForCounts: Duration {
        countsWrittenAt.map { $0 + Self.countsEvery - lane.clock.uptime } ?? .zero
    }

    /// Writes counts when it is time, looks whether a warehouse that was away is back, and waits for the next body.
    private mutating func rest() async {
        let isAway = lane.health.problem != nil
        guard isAway || lane.hasCounts || unsettled != nil else { return await lane.inbox.bell.wait() }
        // The spool's own groups show when the warehouse is back; the bell rings then.
        guard lane.keys.isReady, await lane.folder?.isEmpty ?? true else { return await lane.inbox.bell.wait() }
        let pause = max(lane.health.pause(at: lane.clock.uptime) ?? .zero, isAway ? .zero : pauseForCounts)
        if pause > .zero { return await lane.inbox.bell.wait(atMost: pause, lane.clock) }
        _ = await keep([], counts: lane.takeCounts())
    }

    // MARK: Groups

    private enum Kept {
        case durable
        /// Neither in the warehouse, as far as is known, nor in the spool.
        case refused(wasTried: Bool)
    }

    private mutating func keep(_ items: [ReceivedItem], counts: [ReceiverCount]) async -> Bool {
        if let left = unsettled {
            guard case .durable = await makeDurable(left) else {
                lane.putBack(counts)
                return false
            }
            unsettled = nil
        }
        sequence += 1
        if !counts.isEmpty { countsWrittenAt = lane.clock.uptime }
        let group = PendingGroup(writer: lane.writer, sequence: sequence, items: items, counts: counts)
        switch await makeDurable(group) {
        case .durable: return true
        case .refused(wasTried: false): lane.putBack(counts)
        case .refused(wasTried: true):
            if !counts.isEmpty {
                unsettled = PendingGroup(writer: lane.writer, sequence: sequence, counts: counts)
            }
        }
        return false
    }

    private mutating func makeDurable(_ group: PendingGroup) async -> Kept {
        var wasTried = false
        tries: while await mayStore(), let storable = group.storable(lane.keys.known) {
            wasTried = true
            switch await store(storable) {
            case true?: return .durable
            case false?: break tries
            case nil: await lane.keys.waitForFirstAttempt()
            }
        }
        return await spool(group) ? .durable : .refused(wasTried: wasTried)
    }

    /// Whether the spool is empty and the warehouse can be written, as far as is known. While the last that the spool has is being
    /// stored, that is waited for: the spool would never become empty otherwise as long as bodies keep coming.
    private func mayStore() async -> Bool {
        let end = lane.clock.uptime + WarehouseLane.storeLimit
        while let folder = lane.folder, await !folder.isEmpty {
            let rest = end - lane.clock.uptime
            guard rest > .zero, !lane.isStopping, lane.keys.isReady, lane.health.problem == nil,
                await folder.isAllGiven
            else { return false }
            await lane.inbox.bell.wait(atMost: rest, lane.clock)
        }
        return lane.keys.isReady && lane.health.pause(at: lane.clock.uptime) == nil
    }

    /// - Returns: whether it is stored; nil: that is to be tried again, when the key of another store is read.
    private func store(_ group: ReceivedGroup) async -> Bool? {
        let start = lane.clock.uptime
        var outcome = await lane.store([group], atMost: WarehouseLane.storeLimit)
        // A connection that has been idle may be found lost; without a spool, that is not to refuse anything.
        if case .failure(let error) = outcome, lane.folder == nil, error.isTransient,
            lane.clock.uptime - start < WarehouseLane.storeLimit / 2
        {
            outcome = await lane.store([group], atMost: WarehouseLane.storeLimit)
        }
        switch outcome {
        case .success(let stored?):
            lane.succeeded()
            lane.add(stored, of: [group])
            return true
        case .success(nil): return nil
        case .failure(let error):
            lane.failed(error)
            return false
        }
    }

    private mutating func spool(_ group: PendingGroup) async -> Bool {
        // A group without anything only looks whether the warehouse is back.
        guard let folder = lane.folder, !group.items.isEmpty || !group.counts.isEmpty else { return false }
        do throws(SpoolFailure) {
            try await folder.append(group)
            isSpoolRefused = false
            lane.drainBell.ring()
            return true
        } catch {
            if !isSpoolRefused { lane.note(error.note(lane.warehouse)) }
            isSpoolRefused = true
            return false
        }
    }
}

extension SpoolFailure {
    func note(_ warehouse: String) -> ReceiverNote {
        switch self {
        case .full(let reason): .spoolFull(warehouse: warehouse, reason: reason)
        case .unusable(let reason): .spoolUnusable(warehouse: warehouse, reason: reason)
        }
    }
}
