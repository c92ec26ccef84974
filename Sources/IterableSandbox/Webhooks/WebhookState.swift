/// An event that the webhook is to get.
struct WebhookEvent: Sendable {
    let name: String
    /// JSON in UTF-8.
    let body: [UInt8]
}

/// One sending of an event, with its further attempts.
struct WebhookDelivery: Sendable {
    /// Attempts at most.
    static let attempts = 5

    /// Of the event's record.
    let number: Int
    /// Which start of the state it belongs to.
    let epoch: Int
    let body: [UInt8]
    /// Seconds before another attempt after a 5xx status or no answer; nil: there is none.
    let retryAfterSeconds: Double?
}

/// The webhook of the project: its settings, what is to be posted, and what was. Bounded in what waits, what is kept, and what is
/// under way.
struct WebhookState: Sendable {
    /// How many sendings may wait; further events are given up and counted.
    static let mostWaiting = 10_000

    /// nil: the project has none, and there are no events.
    var settings: WebhookSettings?
    private var faultGenerator: SeededGenerator
    private(set) var journal = WebhookJournal()
    /// Events that were given up since too many waited.
    private(set) var overflowed = 0
    /// Events of the request that is being carried out.
    private var drafts: [WebhookEvent] = []
    private var queue: [WebhookDelivery] = []
    /// How many of ``queue`` are taken.
    private var taken = 0
    private var epoch = 0
    /// Sendings that were taken and have not ended.
    private var underWay = 0
    private var workers = 0
    private let concurrentRequests: Int
    private let seed: UInt64
    /// How many messages of one campaign a person got, so that no two have one id.
    private var messages: [String: Int] = [:]
    /// Ids of custom events that caused a message.
    private var triggers: Set<String> = []

    init(_ webhook: SandboxWebhook?, seed: UInt64) {
        settings = webhook.map(WebhookSettings.init)
        concurrentRequests = webhook?.concurrentRequests ?? 0
        self.seed = seed
        // Apart from the generator of everything else: a webhook changes nothing in the answers of the API.
        faultGenerator = SeededGenerator(seed: ~seed)
    }

    /// Sendings that wait or are under way.
    var pending: Int { queue.count - taken + underWay }

    /// Back to the state at the start. What is under way ends without a trace.
    mutating func reset(to webhook: SandboxWebhook?) {
        var fresh = WebhookState(webhook, seed: seed)
        (fresh.epoch, fresh.workers) = (epoch + 1, workers)
        self = fresh
    }

    // MARK: Making events

    /// A generator for a message that depends on nothing but the seed, the message, and how many alike came before.
    mutating func generator(forMessage key: String) -> SeededGenerator {
        let count = messages[key, default: 0]
        messages[key] = count + 1
        // FNV-1a, 64 bits (Fowler, Noll, Vo).
        var hash: UInt64 = 0xcbf2_9ce4_8422_2325
        for byte in "\(seed) \(count) \(key)".utf8 { hash = (hash ^ UInt64(byte)) &* 0x0100_0000_01b3 }
        return SeededGenerator(seed: hash)
    }

    /// Whether this is the first custom event with this id.
    mutating func isFirst(event id: String) -> Bool { triggers.insert(id).inserted }

    mutating func draft(_ events: [WebhookEvent]) { drafts += events }

    /// Puts the events of a request that was carried out into the queue, as the faults have it.
    mutating func release(_ faults: inout FaultPlan) {
        if drafts.isEmpty { return }
        let chosen = drafts.map { event in (event: event, faults: faults.next(forEventUsing: &faultGenerator)) }
        drafts = []
        let isLate = chosen.map { $0.faults.contains { $0.kind == .reorder } }
        for place in places(isLate) { enqueue(chosen[place].event, chosen[place].faults) }
    }

    /// The order in which events are sent: those that are late come up to 16 places later than they were made.
    private mutating func places(_ isLate: [Bool]) -> [Int] {
        let keys = isLate.indices.map { place in
            isLate[place] ? Double(place + Int.random(in: 1...16, using: &faultGenerator)) + 0.5 : Double(place)
        }
        return isLate.indices.sorted { (keys[$0], $0) < (keys[$1], $1) }
    }

    private mutating func enqueue(_ event: WebhookEvent, _ faults: [Fault]) {
        func fault(_ kind: Fault.Kind) -> Fault? { faults.first { $0.kind == kind } }
        let times = fault(.drop) != nil ? 0 : fault(.duplicate) != nil ? 2 : 1
        guard queue.count - taken + times <= Self.mostWaiting else {
            overflowed += 1
            return
        }
        let number = journal.add(event, times: times)
        let delivery = WebhookDelivery(
            number: number, epoch: epoch, body: event.body, retryAfterSeconds: fault(.retryOn5xx)?.seconds)
        queue += Array(repeating: delivery, count: times)
    }

    // MARK: Sending

    /// Whether one more worker is needed; it counts from now on, until ``take()`` or ``leave()`` ends it.
    mutating func engage() -> Bool {
        guard taken < queue.count, workers < concurrentRequests else { return false }
        workers += 1
        return true
    }

    /// The next sending for a worker; nil ends the worker.
    mutating func take() -> WebhookDelivery? {
        guard taken < queue.count else {
            leave()
            return nil
        }
        let delivery = queue[taken]
        taken += 1
        underWay += 1
        if taken == queue.count || taken >= 1024 {
            queue.removeFirst(taken)
            taken = 0
        }
        return delivery
    }

    /// A worker ends without having looked for more.
    mutating func leave() { workers -= 1 }

    /// The request for an attempt; nil: the state was reset meanwhile.
    func request(_ delivery: WebhookDelivery) -> SandboxWebhookRequest? {
        delivery.epoch == epoch ? settings?.request(delivery.body) : nil
    }

    /// Notes the answer to an attempt; nil: there was none.
    mutating func note(_ status: Int?, of delivery: WebhookDelivery, isLast: Bool) {
        guard delivery.epoch == epoch else { return }
        journal.note(status, of: delivery.number)
        if isLast { end(delivery) }
    }

    /// No further attempt follows.
    mutating func end(_ delivery: WebhookDelivery) {
        guard delivery.epoch == epoch else { return }
        underWay -= 1
        journal.end(delivery.number)
    }
}
