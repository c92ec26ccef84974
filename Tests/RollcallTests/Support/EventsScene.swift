import Foundation
import IterableSandbox
import Testing

/// A shop whose sync `orders` sends the rows of the table `orders` as events, each once.
struct EventsScene: Sendable {
    let shop: Shop
    let project: SandboxProjectType

    /// The ids of the events with the keys 1, 2 and 3 in the namespace `orders`, made without Rollcall: see `OrderIDs` of
    /// the engine's tests.
    static let ids = [
        "rc-1309474c0987ddfd53279cd4acb06aa364f88bb5", "rc-d4c9f5663faff8ce81552821a6c45ccd7fca0517",
        "rc-a5e1a8b5e52f62ebbb9831bc31380a2221020a48",
    ]

    /// How many people there are; an order belongs to the one with the rest of its number.
    static let people = 7

    /// When the order 0 was placed: a day ago, so that none lies in the future.
    private static let begin = Int(Date().timeIntervalSince1970) - 86_400

    /// - Parameter rows: numbers of the orders in the table.
    static func with<R>(
        _ kind: Shop.Kind, _ project: SandboxProjectType = .email, rows: ClosedRange<Int>? = nil,
        tune: (inout SandboxOptions) -> Void = { _ in }, _ body: (EventsScene) async throws -> R
    ) async throws -> R {
        try await Shop.with(
            kind,
            tune: { options in
                options.projectType = project
                // Ten requests a second are the pace of a project, and not of a test.
                options.documentedRateLimits = false
                tune(&options)
            }
        ) { shop in
            let scene = EventsScene(shop: shop, project: project)
            for number in 0..<people {
                shop.sandbox.addUser(email: "user\(number)@example.com", userID: "u-\(number)")
            }
            try await shop.execute(
                """
                CREATE TABLE orders (id integer, email varchar(200), user_id varchar(60), name varchar(60),
                    placed bigint, total double precision, note varchar(80), seq bigint)
                """)
            if let rows { try await scene.enter(rows) }
            try scene.configure()
            return try await body(scene)
        }
    }

    static let limits = "settle_seconds: 0.5, request_timeout_seconds: 20"
    static let event = "name: { value: order_placed }, created_at: { column: placed, unit: s }"
    static let guards = "max_age: off, max_invalid: 100%"

    /// - Parameters:
    ///   - sync: further lines of the sync; each but the first one begins with four blanks.
    ///   - others: further syncs; the first line begins with two blanks.
    func configure(
        baseURL: String? = nil, limits: String = EventsScene.limits, key: String = "id",
        event: String = EventsScene.event, guards: String = EventsScene.guards, sync: String = "start: all",
        others: String = ""
    ) throws {
        try shop.configure { text in
            if let baseURL { text.baseURL = baseURL }
            text.projectType = project.rawValue
            // The sync of a list beside it must fit the project too.
            if project == .userID { text.mapping = "user_id: user_id" }
            text.limits =
                "requests_per_second: 500, \(limits), users: { requests_per_second: 500 }, "
                + "events: { requests_per_second: 500, records_per_request: 5, single_requests_per_second: 1000 }"
            text.further = """
                  orders:
                    kind: events
                    warehouse: shop
                    destination: iterable
                    source: { table: orders }
                    key: \(key)
                    mapping: { email: email, user_id: user_id }
                    event: { \(event) }
                    fields: { orderId: id, total: total, note: note }
                    guards: { \(guards) }
                    \(sync)
                \(others)
                """
        }
    }

    func enter(_ numbers: ClosedRange<Int>, daysAgo days: Int = 0) async throws {
        let rows = numbers.map { number in
            let person = number % Self.people
            let placed = Self.begin - days * 86_400 + number
            return "(\(number), 'user\(person)@example.com', 'u-\(person)', 'order_placed', \(placed), \(number).5, "
                + "'note \(number)', \(number * 10))"
        }
        try await shop.execute("INSERT INTO orders VALUES \(rows.joined(separator: ", "))")
    }

    /// An order of one person.
    func enter(_ number: Int, _ email: String) async throws {
        try await shop.execute(
            """
            INSERT INTO orders (id, email, placed, total, seq)
            VALUES (\(number), '\(email)', \(Self.begin + number), \(number).5, \(number * 10))
            """)
    }

    // MARK: Running

    /// Runs the sync, which ends with this code, and gives the object of the run.
    @discardableResult
    func run(
        _ arguments: String..., code: Int32 = 0, sourceLocation: SourceLocation = #_sourceLocation
    ) async throws -> [String: Any] {
        let output = try await shop.rollcall(["run", "orders", "--json"] + arguments)
        #expect(output.code == code, "\(output.all)", sourceLocation: sourceLocation)
        return try output.object()
    }

    /// Events in each request of `POST /api/events/trackBulk` so far.
    var sent: [Int] {
        shop.sandbox.requestLog.filter { $0.path == "/api/events/trackBulk" }.compactMap(\.rowCount)
    }

    // MARK: Iterable

    /// An event as the source means it.
    struct Event: Equatable {
        var name: String
        /// By what the project finds people by.
        var person: String
        var createdAt: Int
        /// A JSON object.
        var fields: String
    }

    /// The events that Iterable has, by the numbers of their orders: each has one, under an id that is made of its key.
    func taken(
        _ what: String = "", sourceLocation: SourceLocation = #_sourceLocation
    ) throws -> [Int: Event] {
        var taken: [Int: Event] = [:]
        for event in shop.sandbox.events {
            let object = try JSONSerialization.jsonObject(with: Data(event.dataFields.utf8))
            let number = try #require((object as? [String: Any])?["orderId"] as? Int, sourceLocation: sourceLocation)
            #expect(taken[number] == nil, "\(what): two events of order \(number)", sourceLocation: sourceLocation)
            let isDerived = event.id.wholeMatch(of: /rc-[0-9a-f]{40}/) != nil
            #expect(isDerived, "\(what): \(event.id)", sourceLocation: sourceLocation)
            if (1...Self.ids.count).contains(number) {
                #expect(event.id == Self.ids[number - 1], "\(what)", sourceLocation: sourceLocation)
            }
            taken[number] = Event(
                name: event.name, person: event.userID ?? event.email ?? "", createdAt: event.createdAt,
                fields: event.dataFields)
        }
        return taken
    }

    // MARK: The source

    /// The events that the rows mean, by the numbers of the orders; read without Rollcall.
    func source() async throws -> [Int: Event] {
        let rows = try await shop.query("SELECT id, email, user_id, placed, note FROM orders")
        return Dictionary(
            rows.map { row in
                let number = row[0].flatMap { Int($0) } ?? 0
                let note = row[4].map { "\"note\":\"\($0)\"," } ?? ""
                let person = project == .email ? row[1] : row[2] ?? row[1]
                let event = Event(
                    name: "order_placed", person: person ?? "", createdAt: row[3].flatMap { Int($0) } ?? 0,
                    fields: "{\(note)\"orderId\":\(number),\"total\":\(number).5}")
                return (number, event)
            }
        ) { first, _ in first }
    }

    // MARK: What must be true

    /// Runs until a run ends well and had nothing to do; then Iterable has each event of the source once, and the state is
    /// in order.
    func putsRight(_ what: String = "", sourceLocation: SourceLocation = #_sourceLocation) async throws {
        let place = Comment(rawValue: what)
        shop.sandbox.setFaults([])
        var last = try await shop.rollcall("run", "orders", "--json")
        for _ in 0..<6 {
            if try Self.hadNothingToDo(last) { break }
            last = try await shop.rollcall("run", "orders", "--json")
        }
        #expect(try Self.hadNothingToDo(last), "\(what): \(last.all)", sourceLocation: sourceLocation)
        let landed = try await eventually {
            shop.sandbox.counts.pendingLateRequests == 0 && shop.sandbox.counts.requestsInFlight == 0
        }
        #expect(landed, place, sourceLocation: sourceLocation)
        let wanted = try await source()
        #expect(try taken(what) == wanted, place, sourceLocation: sourceLocation)
        #expect(shop.sandbox.eventCount == wanted.count, place, sourceLocation: sourceLocation)
        let known = try await shop.query(
            "SELECT state, event_id FROM \(shop.state("synced_events")) WHERE sync_name = 'orders'")
        #expect(known.allSatisfy { $0[0] == "sent" }, place, sourceLocation: sourceLocation)
        #expect(
            Set(known.compactMap { $0[1] }) == Set(shop.sandbox.events.map(\.id)), place,
            sourceLocation: sourceLocation)
        try await shop.isBalanced(place, sourceLocation: sourceLocation)
    }

    private static func hadNothingToDo(_ run: Output) throws -> Bool {
        let counts = try run.object()["counts"] as? [String: Any]
        let planned = counts?["planned"] as? [String: Int]
        return run.code == 0 && planned == ["track": 0] && counts?["waiting"] as? Int == 0
    }
}

/// The counts of a run or plan of events as `--json` gives them, checked for balance when they are read.
struct EventCounts {
    let rowsRead: Int
    let invalid: Int
    let excluded: Int
    let records: Int
    let unchanged: Int
    let waiting: Int
    let late: Int
    let planned: Int
    let succeeded: Int
    let failed: Int

    /// - Parameter run: the whole object.
    init(_ run: [String: Any], sourceLocation: SourceLocation = #_sourceLocation) throws {
        let counts = try #require(run["counts"] as? [String: Any], sourceLocation: sourceLocation)
        func number(_ key: String) throws -> Int { try #require(counts[key] as? Int, "\(key)") }
        func track(_ key: String) throws -> Int {
            let operations = try #require(counts[key] as? [String: Int], "\(key)")
            #expect(Set(operations.keys) == ["track"], sourceLocation: sourceLocation)
            return operations["track"] ?? 0
        }
        rowsRead = try number("rows_read")
        invalid = try number("invalid")
        excluded = try number("excluded")
        records = try number("records")
        unchanged = try number("unchanged")
        waiting = try number("waiting")
        late = try number("late")
        planned = try track("planned")
        succeeded = try track("succeeded")
        failed = try track("failed")
        #expect(counts["audience"] == nil, sourceLocation: sourceLocation)
        let rows = try invalid + number("duplicates") + excluded + records
        #expect(rowsRead == rows, sourceLocation: sourceLocation)
        let done = try succeeded + failed + number("not_attempted") + number("unknown")
        #expect(planned == done, sourceLocation: sourceLocation)
    }
}
