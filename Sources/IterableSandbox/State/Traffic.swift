package import Foundation

/// One request as the log of the sandbox keeps it. Neither keys, nor query strings, nor bodies are in it.
package struct SandboxRequestRecord: Sendable, Equatable {
    package let time: Date
    package let method: String
    package let path: String
    /// Status of the answer; nil when the connection was closed without one.
    package let status: Int?
    /// Rows of a bulk request.
    package let rowCount: Int?
    /// Text form of the fault that was produced.
    package let fault: String?
    /// Why the request was refused.
    package let reason: String?
}

/// A person and a list that a request is changing.
struct InFlightKey: Hashable, Sendable {
    /// nil for the events of the person.
    let list: Int?
    let identifier: String
}

/// Counts of what was asked.
struct Traffic: Sendable {
    private static let remembered = 1000

    private var log: [SandboxRequestRecord] = []
    /// Requests per endpoint and status; status 0 stands for a closed connection.
    private(set) var counts: [String: [Int: Int]] = [:]
    private(set) var rateLimited = 0
    private(set) var channelUnsubscribes = 0
    private(set) var total = 0
    private(set) var badRequests = 0
    private(set) var badReasons: [SandboxRequestRecord] = []

    private var inFlight: [InFlightKey: Int] = [:]
    private(set) var requestsInFlight = 0
    private(set) var maxRequestsInFlight = 0
    private(set) var maxInFlightPerIdentifier = 0
    /// Identifiers that more than one request was changing at once.
    private(set) var overlapping: Set<String> = []

    /// The last 1000 requests, oldest first.
    var requests: [SandboxRequestRecord] { Array(log.suffix(Self.remembered)) }

    mutating func begin(_ keys: Set<InFlightKey>) {
        requestsInFlight += 1
        maxRequestsInFlight = max(maxRequestsInFlight, requestsInFlight)
        for key in keys {
            let count = inFlight[key, default: 0] + 1
            inFlight[key] = count
            maxInFlightPerIdentifier = max(maxInFlightPerIdentifier, count)
            if count > 1, overlapping.count < Self.remembered { overlapping.insert(key.identifier) }
        }
    }

    mutating func end(_ keys: Set<InFlightKey>) {
        requestsInFlight -= 1
        for key in keys {
            let count = inFlight[key, default: 1] - 1
            inFlight[key] = count == 0 ? nil : count
        }
    }

    mutating func countChannelUnsubscribe() { channelUnsubscribes += 1 }

    mutating func record(_ record: SandboxRequestRecord, endpoint: String) {
        total += 1
        counts[endpoint, default: [:]][record.status ?? 0, default: 0] += 1
        if record.status == 429 { rateLimited += 1 }
        if record.status == 400 {
            badRequests += 1
            badReasons.append(record)
            if badReasons.count > 100 { badReasons.removeFirst() }
        }
        log.append(record)
        if log.count >= 2 * Self.remembered { log.removeFirst(Self.remembered) }
    }

    /// Forgets all counts but those of requests that are under way.
    mutating func reset() {
        let (current, running) = (inFlight, requestsInFlight)
        self = Traffic()
        inFlight = current
        requestsInFlight = running
        maxRequestsInFlight = running
        maxInFlightPerIdentifier = current.values.max() ?? 0
    }
}
