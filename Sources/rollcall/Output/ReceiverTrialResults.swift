import RollcallCore

/// What the requests of `rollcall receivers test` were answered with.
struct ReceiverTrialResults {
    struct Entry {
        var name: String
        var expected: Int
        /// How often which status came; nil: no answer.
        private(set) var answers: [Int?: Int] = [:]
        /// What the first answer said that was not the one that was expected.
        private(set) var said: String?

        init(name: String, expected: Int) {
            self.name = name
            self.expected = expected
        }

        var sent: Int { answers.values.reduce(0, +) }
        var isFine: Bool { sent > 0 && answers.allSatisfy { $0.key == expected } }

        /// - Parameter text: what was wrong; nil: nothing.
        mutating func add(status: Int?, _ text: String?) {
            answers[status, default: 0] += 1
            if said == nil { said = text }
        }

        /// `204`, or `204: 46, 503: 1`.
        var shown: String {
            let sorted = answers.sorted { ($0.key ?? 0) < ($1.key ?? 0) }
            func name(_ status: Int?) -> String { status.map { "\($0)" } ?? "no answer" }
            if sorted.count == 1 { return name(sorted[0].key) }
            return sorted.map { "\(name($0.key)): \($0.value)" }.joined(separator: ", ")
        }
    }

    var receiver: String
    var address: String
    var entries: [Entry] = []

    init(receiver: String, address: String) {
        self.receiver = receiver
        self.address = address
    }

    var isFine: Bool { !entries.isEmpty && entries.allSatisfy(\.isFine) }

    func render(on console: Console) -> String {
        var listing = Listing(columns: ["posted to \(receiver)", "requests", "expected", "ok", "answer"])
        listing.rows = entries.map {
            [.text($0.name), Value($0.sent), Value($0.expected), .flag($0.isFine), .text($0.shown)]
        }
        var lines = [TextTable(listing).render(on: console)]
        for entry in entries where !entry.isFine {
            guard let said = entry.said, !said.isEmpty else { continue }
            lines += console.flowed(DisplayText.line(said, limit: 500), after: "\(entry.name): ")
        }
        if isFine, unauthorized > 0 {
            lines += console.flowed(
                "this test adds \(unauthorized) to the receiver's count of unauthorized requests, on purpose")
        }
        let verdict =
            isFine
            ? "all is well at \(address); nothing was stored"
            : "not all is well at \(address)"
        return (lines + console.flowed(verdict)).joined(separator: "\n")
    }

    /// Requests that the receiver refused and counted as such, for it believes of none without a valid token that it is a test.
    private var unauthorized: Int { entries.compactMap { $0.answers[401] }.reduce(0, +) }

    var json: JSON {
        .object([
            "receiver": .string(receiver), "url": .string(address), "ok": .bool(isFine),
            "requests": .array(
                entries.map { entry in
                    .object([
                        "name": .string(entry.name), "sent": .integer(entry.sent),
                        "expected": .integer(entry.expected),
                        "answers": .object(
                            entry.answers.sorted { ($0.key ?? 0) < ($1.key ?? 0) }
                                .map { (key: $0.key.map { "\($0)" } ?? "none", value: JSON.integer($0.value)) }),
                        "ok": .bool(entry.isFine), "message": .string(entry.isFine ? nil : entry.said),
                    ])
                }),
        ])
    }
}
