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
