import AsyncHTTPClient
import Foundation
import NIOCore
import NIOHTTP1
import Synchronization
import TestSupport
import Testing

/// A shop with one receiver, `engagement`, processes that serve it, and posts as Iterable makes them.
struct ReceiverScene: Sendable {
    static let token = "projectkey:7d1f\"<&+/4c9e"
    static let path = "/hooks/engagement"

    let shop: Shop
    let client: HTTPClient
    /// The warehouse as the program reaches it, where that is another way than the fixture's.
    var warehouseURL: String?

    /// - Parameters:
    ///   - throughProxy: Postgres only: a network in between, which can be broken.
    ///   - body: gets the network too.
    static func with(
        _ kind: Shop.Kind, spoolSize: String = "1GB", fixture: (any WarehouseFixture)? = nil,
        _ body: (ReceiverScene) async throws -> Void
    ) async throws {
        try await Shop.with(kind, fixture: fixture) { shop in
            let client = HTTPClient(eventLoopGroupProvider: .singleton, configuration: Self.configuration)
            let scene = ReceiverScene(shop: shop, client: client)
            do {
                try scene.configure(spoolSize: spoolSize)
                try await body(scene)
            } catch {
                try? await client.shutdown()
                throw error
            }
            try await client.shutdown()
        }
    }

    /// The same over a network that can be broken.
    static func withWire(
        spoolSize: String = "1GB", _ body: (ReceiverScene, FaultyProxy) async throws -> Void
    ) async throws {
        try await with(.postgres, spoolSize: spoolSize) { scene in
            let postgres = try #require(scene.shop.fixture as? PostgresFixture)
            let proxy = try FaultyProxy(to: postgres.cluster.port)
            defer { proxy.stop() }
            var scene = scene
            scene.warehouseURL = postgres.cluster.tcpURL(database: postgres.database)
                .replacing(":\(postgres.cluster.port)/", with: ":\(proxy.port)/")
            try await body(scene, proxy)
        }
    }

    private static var configuration: HTTPClient.Configuration {
        let patience = TimeAmount.seconds(120)
        var configuration = HTTPClient.Configuration(
            redirectConfiguration: .disallow, timeout: .init(connect: patience, read: patience))
        configuration.proxy = nil
        configuration.connectionPool.concurrentHTTP1ConnectionsPerHostSoftLimit = 64
        // A process that was killed is not waited for.
        configuration.connectionPool.retryConnectionEstablishment = false
        return configuration
    }

    // MARK: Configuration

    /// - Parameters:
    ///   - receiver: more keys of the receiver.
    ///   - further: more sections of the file.
    func configure(
        token: String = "${WEBHOOK_TOKEN}", spoolSize: String = "1GB", receiver: String = "", further: String = ""
    ) throws {
        try shop.configure {
            $0.further = """
                receivers:
                  engagement:
                    type: iterable
                    path: \(Self.path)
                    warehouse: shop
                    destination: iterable
                    auth: { basic: ["\(token)"] }
                    \(receiver)
                server:
                  receiver_listen: 127.0.0.1:0
                  receiver_spool: { path: "\(spool.path)", max_size: \(spoolSize) }
                \(further)
                """
        }
    }

    var spool: URL { shop.folder.appendingPathComponent("spool") }

    /// Paths of all files in the spool that hold bodies.
    var spooled: [String] {
        let found = FileManager.default.enumerator(atPath: spool.path)?.compactMap { $0 as? String } ?? []
        return found.filter { $0.hasSuffix(".spool") }
    }

    var environment: [String: String] {
        var environment = shop.environment
        environment["WEBHOOK_TOKEN"] = Self.token
        if let warehouseURL { environment["WAREHOUSE_URL"] = warehouseURL }
        return environment
    }

    // MARK: Processes

    func rollcall(_ arguments: String...) async throws -> Output {
        try await Program.run(arguments, in: shop.folder, environment: environment)
    }

    /// A process that listens for receivers.
    func serving(
        _ arguments: String..., sourceLocation: SourceLocation = #_sourceLocation
    ) async throws -> ServingReceiver {
        let program = try Program.start(
            ["serve", "--listen", "127.0.0.1:0"] + arguments, in: shop.folder, environment: environment)
        let listens = try await eventually { program.hasEnded || ServingReceiver.url(program.errorsSoFar) != nil }
        let url = ServingReceiver.url(program.errorsSoFar)
        #expect(listens && !program.hasEnded, "\(program.errorsSoFar)", sourceLocation: sourceLocation)
        return ServingReceiver(
            program: program, url: try #require(url, sourceLocation: sourceLocation), client: client)
    }

    // MARK: What is stored

    /// How often each message came, as the warehouse has it; a message that has two rows makes the test fail.
    func deliveries(sourceLocation: SourceLocation = #_sourceLocation) async throws -> [String: Int] {
        let rows = try await shop.query("SELECT message_id, deliveries FROM \(shop.state("iterable_events"))")
        var deliveries: [String: Int] = [:]
        for row in rows {
            guard let message = row[0], let count = row[1].flatMap({ Int($0) }) else { continue }
            #expect(deliveries[message] == nil, "\(message) stands there once", sourceLocation: sourceLocation)
            deliveries[message] = count
        }
        return deliveries
    }

    /// Counts of all hours, by outcome.
    func counts() async throws -> [String: Int] {
        let rows = try await shop.query(
            "SELECT outcome, sum(count) FROM \(shop.state("receiver_counts")) GROUP BY outcome")
        return rows.reduce(into: [:]) { counts, row in
            if let outcome = row[0], let count = row[1].flatMap({ Int($0) }), count > 0 { counts[outcome] = count }
        }
    }

    /// A body of one message.
    static func body(_ message: String, event: String = "emailClick", email: String = "ann@example.com") -> String {
        #"{"email":"\#(email)","userId":"u-1","eventName":"\#(event)","dataFields":{"messageId":"\#(message)","#
            + #""campaignId":7,"createdAt":"2026-11-20 03:33:50 +00:00","url":"https://example.com/a"}}"#
    }
}

/// A process that listens for receivers.
struct ServingReceiver: Sendable {
    let program: RunningProgram
    /// Of the receiver.
    let url: String
    let client: HTTPClient

    static func url(_ log: String) -> String? {
        log.firstMatch(of: /receiving on (http:\/\/[^\s"]+)/).map { String($0.output.1) }
    }

    /// - Parameters:
    ///   - token: the header Authorization; nil: none.
    ///   - to: another address.
    /// - Returns: the status; nil: no answer came.
    func post(
        _ body: String, token: String? = ReceiverScene.token, to address: String? = nil, test: Bool = false
    ) async -> Int? {
        try? await answer(body, token: token, to: address, test: test).status
    }

    func answer(
        _ body: String, token: String? = ReceiverScene.token, to address: String? = nil, test: Bool = false,
        method: String = "POST"
    ) async throws -> (status: Int, headers: [String: String]) {
        var request = HTTPClientRequest(url: address ?? url)
        request.method = .RAW(value: method)
        if let token { request.headers.add(name: "Authorization", value: token) }
        if test { request.headers.add(name: "Rollcall-Test", value: "1") }
        if method == "POST" {
            request.headers.add(name: "Content-Type", value: "application/json")
            request.body = .bytes(ByteBuffer(string: body))
        }
        let response = try await client.execute(request, timeout: .seconds(120))
        _ = try await response.body.collect(upTo: 1 << 20)
        var headers: [String: String] = [:]
        for (name, value) in response.headers { headers[name.lowercased()] = value }
        return (Int(response.status.code), headers)
    }

    func end() async throws -> Output {
        program.signal(SIGTERM)
        return try await program.output()
    }

    func kill() async throws {
        program.signal(SIGKILL)
        _ = try await program.output()
    }
}

/// What was posted, and what was acknowledged: the two bounds of what the warehouse must have.
final class ReceiverLedger: Sendable {
    private struct State {
        var next = 0
        var posted: [String: Int] = [:]
        var acknowledged: [String: Int] = [:]
        var others: [Int: Int] = [:]
        var generator: Seeded
    }

    private let state: Mutex<State>

    init(seed: UInt64) { state = Mutex(State(generator: Seeded(seed))) }

    /// A new message, or, now and then, one that was posted before.
    private func take() -> String {
        state.withLock { state in
            var number = state.next
            if state.next > 0, Int.random(in: 0..<8, using: &state.generator) == 0 {
                number = Int.random(in: 0..<state.next, using: &state.generator)
            } else {
                state.next += 1
            }
            state.posted["m\(number)", default: 0] += 1
            return "m\(number)"
        }
    }

    private func note(_ message: String, _ status: Int?) {
        state.withLock { state in
            if status == 204 {
                state.acknowledged[message, default: 0] += 1
            } else if let status {
                state.others[status, default: 0] += 1
            }
        }
    }

    var acknowledged: Int { state.withLock { $0.acknowledged.values.reduce(0, +) } }
    /// Answers that were no 204, by status.
    var others: [Int: Int] { state.withLock { $0.others } }

    /// Posts one after the other until an answer fails to come, or `count` are posted.
    func post(to receiver: ServingReceiver, count: Int = .max) async {
        for _ in 0..<count {
            if receiver.program.hasEnded { return }
            let message = take()
            let status = await receiver.post(ReceiverScene.body(message))
            note(message, status)
            if status == nil { return }
        }
    }

    /// Posts over several connections while `body` is at work, which ends the process.
    func load(
        _ receiver: ServingReceiver, connections: Int = 12, _ body: () async throws -> Void
    ) async throws {
        try await withThrowingTaskGroup(of: Void.self) { group in
            for _ in 0..<connections { group.addTask { await self.post(to: receiver) } }
            try await body()
            try await group.waitForAll()
        }
    }

    /// Waits until `count` more are acknowledged.
    func more(_ count: Int, _ receiver: ServingReceiver) async throws {
        let goal = acknowledged + count
        let isReached = try await eventually { receiver.program.hasEnded || acknowledged >= goal }
        #expect(isReached && !receiver.program.hasEnded, "\(others) \(receiver.program.errorsSoFar)")
    }

    /// Each message that was acknowledged has one row, which counts at least its acknowledgements and at most its posts.
    func judge(
        _ deliveries: [String: Int], _ context: String = "", sourceLocation: SourceLocation = #_sourceLocation
    ) {
        for (message, count) in state.withLock({ $0.acknowledged }) {
            let stored = deliveries[message] ?? 0
            #expect(
                stored >= count, "\(context): \(message) was acknowledged \(count) times, counted \(stored) times",
                sourceLocation: sourceLocation)
        }
        judgeBounds(deliveries, context, sourceLocation: sourceLocation)
    }

    /// No message counts more than its posts, also while some of them wait in the spool.
    func judgeBounds(
        _ deliveries: [String: Int], _ context: String, sourceLocation: SourceLocation = #_sourceLocation
    ) {
        let posted = state.withLock { $0.posted }
        for (message, count) in deliveries {
            let most = posted[message] ?? 0
            #expect(
                count <= most, "\(context): \(message) was posted \(most) times, counted \(count) times",
                sourceLocation: sourceLocation)
        }
    }
}
