import RollcallCore

/// How people appear in `sync_log`: as they are, masked, or as a keyed hash that is the same in every run of the sync.
struct LogIdentity: Sendable {
    private let form: LogSettings.Identifiers
    private let hash: SipHash

    init(_ form: LogSettings.Identifiers, key: [UInt8]) {
        self.form = form
        self.hash = SipHash(key: key)
    }

    /// nil where the identity appears as it is.
    func of(_ identity: Identity) -> Identity? {
        if form == .plain { return nil }
        return Identity(email: identity.email.map { of($0) }, userID: identity.userID.map { of($0) })
    }

    /// nil where the key of a record appears as it is.
    func of(key: String) -> String? { form == .plain ? nil : of(key) }

    func of(_ record: ValidationRecord) -> ValidationRecord {
        if form == .plain { return record }
        var record = record
        record.email = record.email.map { Array(of(String(decoding: $0, as: UTF8.self)).utf8) }
        record.userID = record.userID.map { Array(of(String(decoding: $0, as: UTF8.self)).utf8) }
        record.recordKey = record.recordKey.map { Array(of(String(decoding: $0, as: UTF8.self)).utf8) }
        return record
    }

    func of(_ value: String) -> String {
        switch form {
        case .plain: return value
        case .masked: return LogIdentity.mask(value)
        case .hashed:
            let (first, second) = Array(value.utf8).withUnsafeBytes { hash.hash($0) }
            return "hash:" + Fingerprint(high: first, low: second).bytes.hexadecimal
        }
    }

    /// The first letter and, of an email, the domain. What stands behind the @ of a value that is no email may be
    /// anything, a person's name too; it is kept only where it looks like a domain.
    static func mask(_ value: String) -> String {
        let bytes = Array(value.utf8)
        let head = value.unicodeScalars.first.map { $0 == "@" ? "" : String($0) } ?? ""
        guard let at = bytes.lastIndex(of: UInt8(ascii: "@")), at > 0 else { return head + "***" }
        let domain = bytes[(at + 1)...]
        let isDomain = domain.count <= 253 && domain.contains(UInt8(ascii: ".")) && domain.allSatisfy(isHostByte)
        return head + "***@" + (isDomain ? String(decoding: domain, as: UTF8.self) : "***")
    }

    private static func isHostByte(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"): true
        case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "."): true
        default: false
        }
    }
}
