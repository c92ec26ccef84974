import Crypto
import Foundation
import RollcallCore

/// Makes rows of bodies, under the state's key.
struct EventMaker: Sendable {
    let key: [UInt8]
    /// The code of an id, with the key in it and no body yet: ids begin with a copy of it.
    private let keyed: HMAC<SHA256>
    private let hidingKey: [UInt8]

    /// - Parameter key: the state's, 32 bytes.
    init(key: [UInt8]) {
        self.key = key
        let idKey = SymmetricKey(data: key)
        keyed = HMAC(key: idKey)
        // Ids of events and hashes of people never have a key in common.
        let purpose = Array("rollcall receivers: hidden identifiers".utf8)
        hidingKey = Array(HMAC<SHA256>.authenticationCode(for: purpose, using: idKey).prefix(16))
    }

    /// nil where identifiers appear as they are.
    func hiding(_ form: LogSettings.Identifiers) -> IdentifierHiding? {
        form == .plain ? nil : IdentifierHiding(form, key: hidingKey)
    }

    func event(
        _ body: ReceivedBody, receiver: String, destination: String?, receivedAt: Date, form: LogSettings.Identifiers
    ) -> ReceivedEvent {
        body.event(
            eventID: id(receiver: receiver, body), receiver: receiver, destination: destination,
            receivedAt: receivedAt, hiding: hiding(form))
    }

    /// HMAC-SHA256 over the receiver's name and the canonical body, each with its length as 8 bytes before it.
    private func id(receiver: String, _ body: ReceivedBody) -> String {
        let canonical = body.canonical()
        var head: [UInt8] = []
        withUnsafeBytes(of: UInt64(receiver.utf8.count).bigEndian) { head.append(contentsOf: $0) }
        head.append(contentsOf: receiver.utf8)
        withUnsafeBytes(of: UInt64(canonical.count).bigEndian) { head.append(contentsOf: $0) }
        var code = keyed
        code.update(data: head)
        code.update(data: canonical)
        return Self.hexadecimal(code.finalize())
    }

    /// For each body: without an allocation for each byte.
    private static func hexadecimal(_ code: HMAC<SHA256>.MAC) -> String {
        var digits: [UInt8] = []
        digits.reserveCapacity(64)
        for byte in code {
            digits.append(digit(byte >> 4))
            digits.append(digit(byte & 15))
        }
        return String(decoding: digits, as: UTF8.self)
    }

    private static func digit(_ value: UInt8) -> UInt8 { value < 10 ? 48 + value : 87 + value }
}
