import RollcallCore

/// Keys and limits of what receivers keep.
enum ReceiverRules {
    /// Rejected bodies that are kept, of all receivers.
    static let mostRejects = 1000
    /// Events of which a summary says how many have a userId.
    static let newest = 1000
    /// Days after which a process that stored nothing is forgotten.
    static let writerDays = 30
    /// Days that counts are kept at least, whatever becomes of the events.
    static let countDays = 400
    /// The first version of the state tables that has those of receivers.
    static let version = 9
    static let keySize = 32

    /// A new key, from the system's source of randomness.
    static func newKey() -> [UInt8] {
        var generator = SystemRandomNumberGenerator()
        return (0..<keySize).map { _ in UInt8.random(in: .min ... .max, using: &generator) }
    }

    /// - Throws: where the row was changed by hand.
    static func checked(_ key: [UInt8]?) throws(WarehouseError) -> [UInt8] {
        guard let key, key.count == keySize else {
            throw WarehouseError(
                .other, "The key of receivers (receiver_key) is not of \(keySize) bytes; it was changed by hand.",
                hint: "Restore the row from a backup. Without it, events that come again count as new ones.")
        }
        return key
    }
}

extension [ReceivedGroup] {
    /// Moves the writer on behind the last group, in three statements at most.
    ///
    /// - Parameters:
    ///   - advance: sets the writer's sequence where it was lower, and says whether it was; holds the writer's row from then on,
    ///     whatever it says.
    ///   - stored: the writer's sequence.
    /// - Returns: how many of the first groups are there already, and all others as one group; nil: all are there.
    func unstored(
        advance: (_ sequence: Int64) throws -> Bool, stored: () throws -> Int64
    ) rethrows -> (skipped: Int, rest: ReceivedGroup?) {
        var skipped = 0
        if let first, try !advance(first.sequence) {
            let sequence = try stored()
            skipped = firstIndex { $0.sequence > sequence } ?? count
        }
        guard skipped < count else { return (skipped, nil) }
        var rest = self[skipped]
        for group in self[(skipped + 1)...] {
            rest.events += group.events
            rest.rejects += group.rejects
            rest.counts += group.counts
            rest.sequence = group.sequence
        }
        if count > 1 { _ = try advance(rest.sequence) }
        return (skipped, rest)
    }
}
