package import RollcallCore

/// Something that whoever runs `serve` may want to know. No note holds secrets, tokens or identifiers of people.
package enum ReceiverNote: Sendable, Equatable {
    package enum Level: String, Sendable {
        case info
        case warning
        case error
    }

    /// A warehouse cannot be written; noted once, until ``warehouseBack(warehouse:)``. `spools`: whether bodies wait in the spool.
    case warehouseAway(warehouse: String, problem: RunError, spools: Bool)
    case warehouseBack(warehouse: String)
    /// Bodies that a process which has ended left in the spool.
    case spoolAdopted(warehouse: String, bodies: Int)
    /// All that waited is stored.
    case spoolDrained(warehouse: String, bodies: Int)
    /// A file of the spool has bytes that are not what was written; what could be read of it is stored, the file is kept.
    case spoolDamaged(warehouse: String, file: String)
    /// Bodies are refused, because they cannot be put into the spool; noted once, until one can.
    case spoolFull(warehouse: String, reason: String)
    /// Bodies wait for a warehouse that the configuration does not have; noted at the start and at each reload.
    case spoolWithoutWarehouse(warehouse: String, folder: String, bodies: Int)
    case spoolUnusable(warehouse: String, reason: String)
    /// The warehouse's key is another than the one that ids of waiting events were made with.
    case keyChanged(warehouse: String)
    /// Bodies that are no events; noted once a minute. `count`: how many since the last note.
    case bodyRejected(receiver: String, reason: BodyProblem, count: Int)
    /// Requests from addresses that `allow_from` lacks; noted once a minute. `address`: of the last one, as far as it is known;
    /// `count`: how many since the last note.
    case addressRefused(receiver: String, address: String?, count: Int)
    /// Old events could not be deleted.
    case retentionFailed(warehouse: String, problem: RunError)

    package var level: Level {
        switch self {
        case .warehouseBack, .spoolAdopted, .spoolDrained: .info
        case .warehouseAway(_, _, let spools): spools ? .warning : .error
        case .bodyRejected, .addressRefused, .retentionFailed, .keyChanged, .spoolWithoutWarehouse: .warning
        case .spoolDamaged, .spoolFull, .spoolUnusable: .error
        }
    }

    /// A short word for programs.
    package var kind: String {
        switch self {
        case .warehouseAway: "receiver_warehouse_away"
        case .warehouseBack: "receiver_warehouse_back"
        case .spoolAdopted: "receiver_spool_adopted"
        case .spoolDrained: "receiver_spool_drained"
        case .spoolDamaged: "receiver_spool_damaged"
        case .spoolFull: "receiver_spool_full"
        case .spoolUnusable: "receiver_spool_unusable"
        case .spoolWithoutWarehouse: "receiver_spool_without_warehouse"
        case .keyChanged: "receiver_key_changed"
        case .bodyRejected: "receiver_body_rejected"
        case .addressRefused: "receiver_address_refused"
        case .retentionFailed: "receiver_retention_failed"
        }
    }

    /// One line, for people.
    package var text: String {
        func name(_ text: String) -> String { DisplayText.safe(text, limit: 200) }
        switch self {
        case .warehouseAway(let warehouse, let problem, let spools):
            let outcome = spools ? "what Iterable posts waits in the spool" : "receivers answer 503"
            return "The warehouse \(name(warehouse)) cannot be written; \(outcome) until it can: "
                + DisplayText.line(problem.description, limit: 1000)
        case .warehouseBack(let warehouse): return "The warehouse \(name(warehouse)) can be written again."
        case .spoolAdopted(let warehouse, let bodies):
            return "An earlier process left \(Self.bodies(bodies)) in the spool for the warehouse \(name(warehouse)); "
                + "they are being stored."
        case .spoolDrained(let warehouse, let bodies):
            return "The spool for the warehouse \(name(warehouse)) is empty: \(Self.bodies(bodies)) stored."
        case .spoolDamaged(let warehouse, let file):
            return "A file of the spool for the warehouse \(name(warehouse)) is damaged. What can be read of it is "
                + "stored; the file is then kept as \(DisplayText.safe(file, limit: 1000))."
        case .spoolFull(let warehouse, let reason):
            return "What Iterable posts for the warehouse \(name(warehouse)) is answered with 503, because it cannot "
                + "wait in the spool: \(name(reason)). Make room on the disk, or raise "
                + "server.receiver_spool.max_size."
        case .spoolUnusable(let warehouse, let reason):
            return "The spool for the warehouse \(name(warehouse)) cannot be used: \(name(reason)). Check the folder "
                + "that server.receiver_spool.path names, and the rights on it."
        case .spoolWithoutWarehouse(let warehouse, let folder, let bodies):
            return
                "\(Self.bodies(bodies)) in the spool for the warehouse \(name(warehouse)), which the configuration does "
                + "not have, in \(DisplayText.safe(folder, limit: 1000)). Configure the warehouse under that name, so that "
                + "what waits is stored, or remove the folder."
        case .keyChanged(let warehouse):
            return "The warehouse \(name(warehouse)) makes ids of events with another key than before; was its state "
                + "replaced? Events that waited in the spool keep the ids they have."
        case .bodyRejected(let receiver, let reason, let count):
            return "The receiver \(name(receiver)) refused \(Self.bodies(count)) with 400; the last one "
                + "\(reason.meaning). See iterable_rejects."
        case .addressRefused(let receiver, let address, let count):
            let (requests, place) = (DisplayText.count(count, "request"), address.map(name) ?? "an unknown address")
            return "The receiver \(name(receiver)) refused \(requests) with 403; the last one came from \(place). "
                + "If Iterable posts from there, add the address to the receiver's allow_from; if it is your proxy's, name it in "
                + "server.trusted_proxies."
        case .retentionFailed(let warehouse, let problem):
            return "Old events could not be deleted from the warehouse \(name(warehouse)); the next attempt is in an "
                + "hour: " + DisplayText.line(problem.description, limit: 1000)
        }
    }

    private static func bodies(_ count: Int) -> String { DisplayText.count(count, "body", "bodies") }
}
