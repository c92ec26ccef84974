import Crypto
import Foundation
package import RollcallCore

/// What a token lets its holder do.
package enum Role: String, Sendable, CaseIterable {
    /// Looks at everything.
    case read
    /// Starts, stops, approves and pauses too.
    case `operator`
}

/// Who asks.
package struct Principal: Sendable, Equatable {
    /// The token's name; shown in the log.
    package var name: String
    package var role: Role

    package init(name: String, role: Role) {
        self.name = name
        self.role = role
    }
}

/// The tokens that open the server. Only their hashes are kept.
package struct AccessTokens: Sendable {
    private struct Entry: Sendable {
        var principal: Principal
        var digest: [UInt8]
    }

    private var entries: [Entry] = []

    /// No tokens: whoever reaches the server may do everything. Right on loopback only.
    package init() {}

    package var isEmpty: Bool { entries.isEmpty }

    /// Adds a token by its SHA-256.
    /// - Parameter sha256: 64 hexadecimal digits.
    /// - Returns: false, and nothing is added, if that is no SHA-256.
    @discardableResult
    package mutating func add(name: String, role: Role, sha256: String) -> Bool {
        let digits = Array(sha256.utf8)
        guard digits.count == 64 else { return false }
        var digest: [UInt8] = []
        for index in stride(from: 0, to: 64, by: 2) {
            guard let byte = UInt8(String(decoding: digits[index...index + 1], as: UTF8.self), radix: 16) else {
                return false
            }
            digest.append(byte)
        }
        entries.append(Entry(principal: Principal(name: name, role: role), digest: digest))
        return true
    }

    /// Adds the tokens of `ROLLCALL_TOKENS`: `name:role:token`, comma-separated; a token may contain colons.
    /// - Throws: which entry is wrong, by its position; never the text itself.
    package mutating func add(environment text: String) throws(RunError) {
        for (index, part) in text.split(separator: ",", omittingEmptySubsequences: true).enumerated() {
            let entry = part.trimmingCharacters(in: .whitespacesAndNewlines)
            if entry.isEmpty { continue }
            let fields = entry.split(separator: ":", maxSplits: 2, omittingEmptySubsequences: false).map(String.init)
            guard fields.count == 3, !fields[0].isEmpty, let role = Role(rawValue: fields[1]), !fields[2].isEmpty else {
                throw RunError(
                    code: "tokens", message: "entry \(index + 1) of ROLLCALL_TOKENS is not name:role:token",
                    hint: "Roles are read and operator; entries are separated by commas.")
            }
            guard !entries.contains(where: { $0.principal.name == fields[0] }) else {
                throw RunError(
                    code: "tokens", message: "entry \(index + 1) of ROLLCALL_TOKENS has a name that is taken already",
                    hint: "Give each token a name of its own, also beside those of server.tokens.")
            }
            entries.append(
                Entry(
                    principal: Principal(name: fields[0], role: role),
                    digest: Array(SHA256.hash(data: Data(fields[2].utf8)))))
        }
    }

    /// Whose token it is. Takes the same time whichever token it is, or none.
    func principal(of token: String) -> Principal? {
        let presented = Array(SHA256.hash(data: Data(token.utf8)))
        var found: Principal?
        for entry in entries {
            var difference: UInt8 = 0
            for index in presented.indices { difference |= presented[index] ^ entry.digest[index] }
            if difference == 0 { found = entry.principal }
        }
        return found
    }

    /// Whether there is still such a token; sessions end with theirs.
    func contains(_ principal: Principal) -> Bool { entries.contains { $0.principal == principal } }
}
