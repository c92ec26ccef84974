package import Foundation
package import RollcallCore

/// What receivers keep. The rules of ``Warehouse`` hold. No lease is needed: what is written is added.
package protocol ReceiverStore: AnyObject, SchemaStore, WarehouseClock {
    /// The key under which ids of events are made, 32 bytes: the same for ever. The first call makes it, on the disk when it
    /// returns.
    func receiverKey() async throws(WarehouseError) -> [UInt8]
    /// Stores groups of one writer in one transaction that is on disk when the call returns (`synchronous_commit = on`,
    /// `synchronous = FULL`), whatever the database's own setting. A group whose ``ReceivedGroup/sequence`` is not above the last
    /// of its writer that was stored is there already, and changes nothing: groups may be given again, in other company too, after a
    /// commit whose answer was lost.
    ///
    /// An event whose id is new makes a row with one delivery; one whose id is there (also within the group) raises
    /// `deliveries` and `last_received_at`, and nothing else. The store adds `stored` and `repeated` to `receiver_counts` itself,
    /// in the hour of ``ReceivedEvent/receivedAt``. At most 1,000 rejected bodies are kept, the newest of all receivers.
    ///
    /// One bad event never fails its group. Texts of any length are taken; characters that the database's encoding lacks are
    /// written as `\u{2026}`, as everywhere in the state. A body that is no JSON to the database, or has numbers beyond its range,
    /// or beyond 10,000 digits in all that it would write out, is stored as one JSON string, whose text is the body.
    ///
    /// - Parameter groups: by rising sequences; none changes nothing.
    func storeReceived(_ groups: [ReceivedGroup]) async throws(WarehouseError) -> StoredGroups
    /// Deletes up to `limit` events of a receiver that arrived before `time`, the oldest first; its counts of hours before `time`
    /// that are also more than 400 days old; and writers of groups that were not heard of for 30 days. A group of such a writer
    /// that is given again is stored again, which makes no rows but counts deliveries.
    /// - Returns: how many events are gone.
    func pruneReceived(receiver: String, before time: Date, limit: Int) async throws(WarehouseError) -> Int
    /// What pages and `check` show of these receivers, in one consistent view; reads of tables that do not exist yet give nothing.
    /// - Parameter since: counts are given from this hour on.
    func receiverSummaries(_ receivers: [String], since: Date) async throws(WarehouseError) -> [String: ReceiverSummary]
    /// The newest events, newest first (`received_at`, then `event_id`). Payloads are JSON again, with the members and numbers that
    /// came, which Postgres may order and write otherwise; one that was stored as a JSON string comes back as it was.
    func receivedEvents(_ filter: ReceivedFilter) async throws(WarehouseError) -> [ReceivedEventRow]
    /// The newest bodies that were no JSON objects, newest first.
    func rejectedBodies(receiver: String, limit: Int) async throws(WarehouseError) -> [RejectedBody]
    /// Notes what alerts say of a receiver, if it still is `old`: of several processes one gets true, and sends the alert.
    func changeReceiverAlert(receiver: String, from old: String?, to new: String) async throws(WarehouseError) -> Bool
}

extension ReceiverStore {
    /// Stores one group by the same rules.
    package func storeReceived(_ group: ReceivedGroup) async throws(WarehouseError) -> StoredGroup {
        let stored = try await storeReceived([group])
        return StoredGroup(wasThere: stored.skipped > 0, stored: stored.stored, repeated: stored.repeated)
    }
}

/// Requests that become durable together.
package struct ReceivedGroup: Sendable, Equatable {
    /// Names who wrote it: random, and another one for each start of a process.
    package var writer: String
    /// The writer's groups, counted from 1 and stored in this order.
    package var sequence: Int64
    /// In the order in which they came; at most 500 in all groups of a call.
    package var events: [ReceivedEvent]
    package var rejects: [RejectedBody]
    /// Requests of other outcomes than `stored` and `repeated`.
    package var counts: [ReceiverCount]

    package init(
        writer: String, sequence: Int64, events: [ReceivedEvent] = [], rejects: [RejectedBody] = [],
        counts: [ReceiverCount] = []
    ) {
        self.writer = writer
        self.sequence = sequence
        self.events = events
        self.rejects = rejects
        self.counts = counts
    }
}

/// What became of a group.
package struct StoredGroup: Sendable, Equatable {
    /// True: the group was stored by an earlier call; nothing was changed, and both numbers are empty.
    package var wasThere: Bool
    /// Events that made a row, by receiver.
    package var stored: [String: Int]
    /// Events whose row was there, by receiver.
    package var repeated: [String: Int]

    package init(wasThere: Bool = false, stored: [String: Int] = [:], repeated: [String: Int] = [:]) {
        self.wasThere = wasThere
        self.stored = stored
        self.repeated = repeated
    }
}

/// What became of groups that were given together.
package struct StoredGroups: Sendable, Equatable {
    /// How many of the first groups were stored by earlier calls; they are in neither number.
    package var skipped: Int
    /// Events that made a row, by receiver.
    package var stored: [String: Int]
    /// Events whose row was there, by receiver.
    package var repeated: [String: Int]

    package init(skipped: Int = 0, stored: [String: Int] = [:], repeated: [String: Int] = [:]) {
        self.skipped = skipped
        self.stored = stored
        self.repeated = repeated
    }
}

/// A row of `iterable_events`.
package struct ReceivedEventRow: Sendable, Equatable {
    package var event: ReceivedEvent
    package var lastReceivedAt: Date
    /// How often it came, 1 or more.
    package var deliveries: Int

    package init(event: ReceivedEvent, lastReceivedAt: Date, deliveries: Int) {
        self.event = event
        self.lastReceivedAt = lastReceivedAt
        self.deliveries = deliveries
    }
}

/// Which received events are asked for.
package struct ReceivedFilter: Sendable, Equatable {
    package var receiver: String
    package var eventName: String?
    /// Those that arrived before the one of this time and id, for the next page.
    package var before: (time: Date, eventID: String)?
    package var limit: Int

    package init(receiver: String, eventName: String? = nil, limit: Int) {
        self.receiver = receiver
        self.eventName = eventName
        self.limit = limit
    }

    package static func == (first: ReceivedFilter, second: ReceivedFilter) -> Bool {
        first.receiver == second.receiver && first.eventName == second.eventName && first.limit == second.limit
            && first.before?.time == second.before?.time && first.before?.eventID == second.before?.eventID
    }
}

/// What is known of a receiver.
package struct ReceiverSummary: Sendable, Equatable {
    /// When the latest event arrived; nil: none has.
    package var latestAt: Date?
    /// Of the newest 1,000 events: how many have a userId, and how many there are.
    package var newestWithUserID = 0
    package var newest = 0
    /// By hour and outcome, oldest first.
    package var counts: [ReceiverCount] = []
    /// What alerts last said of it.
    package var alertState: String?

    package init() {}
}
