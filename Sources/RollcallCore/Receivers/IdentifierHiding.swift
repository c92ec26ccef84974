/// How emails and userIds appear where they are not to be seen: masked, or as a keyed hash that is the same wherever the key is.
package struct IdentifierHiding: Sendable {
    private let form: LogSettings.Identifiers
    private let hash: SipHash

    /// - Parameter key: 16 bytes; matters to ``LogSettings/Identifiers/hashed`` only.
    package init(_ form: LogSettings.Identifiers, key: [UInt8]) {
        self.form = form
        self.hash = SipHash(key: key)
    }

    /// A value in this form; `plain` leaves it as it is.
    package func of(_ value: String) -> String {
        switch form {
        case .plain: return value
        case .masked: return Self.mask(value)
        case .hashed:
            let (first, second) = Array(value.utf8).withUnsafeBytes { hash.hash($0) }
            return "hash:" + Fingerprint(high: first, low: second).bytes.hexadecimal
        }
    }

    /// The same of a value that was posted. The hash of an email is that of its letters in lower case, so that one address has
    /// one hash however it is written.
    package func inAnyCase(_ value: String) -> String {
        guard form == .hashed, Self.isEmail(value.utf8) else { return of(value) }
        return of(String(decoding: value.utf8.map(ASCII.lowercased), as: UTF8.self))
    }

    /// Whether a value is taken for an email: it has an @ with something on both sides.
    static func isEmail(_ value: some BidirectionalCollection<UInt8>) -> Bool {
        guard let at = value.firstIndex(of: ASCII.at) else { return false }
        return at > value.startIndex && value.index(after: at) < value.endIndex
    }

    /// The first letter and, of an email, the domain. What stands behind the @ of a value that is no email may be
    /// anything, a person's name too; it is kept only where it looks like a domain.
    package static func mask(_ value: String) -> String {
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

extension ASCII {
    /// Other bytes, those of other letters too, stay as they are.
    static func lowercased(_ byte: UInt8) -> UInt8 { (65...90).contains(byte) ? byte | 0x20 : byte }
}
