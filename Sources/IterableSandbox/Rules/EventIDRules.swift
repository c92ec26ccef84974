/// The form of an event's id that Iterable accepts: at most 512 bytes (its API description, `POST /api/events/track`),
/// of letters, digits and hyphens only (its help centre, article 206430615).
enum EventIDRules {
    /// Why an id is refused; nil when it is accepted.
    static func problem(_ id: String) -> String? {
        guard id.utf8.count <= 512 else { return "Event id is longer than 512 bytes" }
        guard !id.isEmpty, id.utf8.allSatisfy(isPlain) else {
            return "Event id must be of letters, digits and hyphens"
        }
        return nil
    }

    private static func isPlain(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"):
            true
        default: false
        }
    }
}
