package import RollcallCore

/// Writes the JSON of a request that makes or updates profiles, straight into bytes.
package enum UsersBody {
    /// Upper bound, in bytes, of everything in a body but its people.
    package static let envelopeBytes = 64

    /// Upper bound, in bytes, of what one person adds to a body, the comma included.
    package static func size(ofObject bytes: Int) -> Int { bytes + 1 }

    /// Appends the body of a request.
    package static func write(_ request: UsersRequest, into bytes: inout [UInt8]) {
        bytes.append(contentsOf: "{\"users\":[".utf8)
        for (position, person) in request.people.enumerated() {
            if position > 0 { bytes.append(UInt8(ascii: ",")) }
            bytes.append(contentsOf: person.object)
        }
        // Always written out: left out, the project's own setting holds.
        bytes.append(contentsOf: "],\"createNewFields\":\(request.createsNewFields)}".utf8)
    }

    static func write(_ rename: UserRename, into bytes: inout [UInt8]) {
        bytes.append(contentsOf: "{\"currentEmail\":".utf8)
        JSONBytes.append(quoted: rename.email, to: &bytes)
        bytes.append(contentsOf: ",\"newEmail\":".utf8)
        JSONBytes.append(quoted: rename.newEmail, to: &bytes)
        bytes.append(UInt8(ascii: "}"))
    }
}
