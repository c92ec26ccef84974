package import RollcallCore

/// Writes the JSON of a request that tracks events, straight into bytes.
package enum EventsBody {
    /// Upper bound, in bytes, of everything in a body but its events.
    package static let envelopeBytes = 16

    /// Upper bound, in bytes, of what one event adds to a body, the comma included.
    package static func size(ofObject bytes: Int) -> Int { bytes + 1 }

    /// Appends the body of a request.
    package static func write(_ request: EventsRequest, into bytes: inout [UInt8]) {
        bytes.append(contentsOf: "{\"events\":[".utf8)
        for (position, event) in request.events.enumerated() {
            if position > 0 { bytes.append(UInt8(ascii: ",")) }
            bytes.append(contentsOf: event.object)
        }
        bytes.append(contentsOf: "]}".utf8)
    }
}
