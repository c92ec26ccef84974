/// What became of an event that the webhook was to get.
package enum SandboxWebhookState: String, Sendable {
    /// It is still to be sent, once at least.
    case waiting
    /// The webhook answered a 2xx status, once at least.
    case delivered
    /// All attempts were answered otherwise, or not at all.
    case failed
    /// The fault `drop` kept it back.
    case dropped
}

/// One event as the journal of the webhook has it.
package struct SandboxWebhookRecord: Sendable, Equatable {
    /// Counted from 1, in the order in which the events were made.
    package let number: Int
    package let eventName: String
    /// The JSON object that is posted, byte for byte.
    package let body: String
    package fileprivate(set) var state: SandboxWebhookState
    /// The answers to all attempts, in the order in which they came; nil stands for an attempt without an answer.
    package fileprivate(set) var statuses: [Int?] = []
    /// How often it is still to be sent; attempts that follow a failed one do not count.
    fileprivate var left: Int

    /// How often the webhook answered a 2xx status.
    package var deliveries: Int { statuses.count { $0.map(Self.isSuccess) ?? false } }

    static func isSuccess(_ status: Int) -> Bool { (200..<300).contains(status) }

    fileprivate init(_ number: Int, _ event: WebhookEvent, times: Int) {
        self.number = number
        eventName = event.name
        body = String(decoding: event.body, as: UTF8.self)
        left = times
        state = times == 0 ? .dropped : .waiting
    }

    /// The record as the inspection call shows it; the body as the JSON that it is.
    var json: JSONValue {
        [
            "number": .int(number), "eventName": .string(eventName), "body": .string(body),
            "state": .string(state.rawValue), "attempts": .int(statuses.count), "deliveries": .int(deliveries),
            "statuses": .array(statuses.map { $0.map(JSONValue.int) ?? .null }),
        ]
    }
}

/// The last events that the webhook was to get, and what became of them.
struct WebhookJournal: Sendable {
    /// How many events are kept; older ones go.
    static let longest = 20_000

    private var records: [Int: SandboxWebhookRecord] = [:]
    /// Events that were made, also those that are not kept any more.
    private(set) var count = 0

    /// The events that are kept, in the order in which they were made.
    var all: [SandboxWebhookRecord] { records.values.sorted { $0.number < $1.number } }

    /// - Parameter times: how often the event is to be sent; 0: it is dropped.
    /// - Returns: the number of its record.
    mutating func add(_ event: WebhookEvent, times: Int) -> Int {
        count += 1
        records[count] = SandboxWebhookRecord(count, event, times: times)
        records[count - Self.longest] = nil
        return count
    }

    /// Notes the answer to an attempt; nil: there was none.
    mutating func note(_ status: Int?, of number: Int) { records[number]?.statuses.append(status) }

    /// One of the sendings of an event is over.
    mutating func end(_ number: Int) {
        guard var record = records[number] else { return }
        record.left -= 1
        if record.left == 0 { record.state = record.deliveries > 0 ? .delivered : .failed }
        records[number] = record
    }
}
