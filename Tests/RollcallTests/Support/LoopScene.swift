import AsyncHTTPClient
import Foundation
import IterableSandbox
import NIOCore
import NIOHTTP1
import TestSupport
import Testing

/// What `samples/loop` is made of: its configuration and audience as they are shipped, the shop of its script, a sandbox that posts to a
/// webhook, and the binary.
struct LoopScene: Sendable {
    static let token = "loop-token-8c1f:90"
    private static let path = "/webhooks/iterable/engagement"
    private static var sample: URL {
        URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent().deletingLastPathComponent().appendingPathComponent("samples/loop")
    }

    let folder: URL
    let fixture: SQLiteFixture
    let sandbox: Sandbox

    /// - Parameter concurrentRequests: posts that are under way at once.
    static func with(
        faults: [String] = [], auth: SandboxWebhookAuth, concurrentRequests: Int = 4,
        _ body: (LoopScene) async throws -> Void
    ) async throws {
        var options = SandboxOptions()
        options.port = 0
        options.apiKey = Shop.apiKey
        options.projectType = .hybrid
        options.readRateLimits = false
        options.faults = try faults.map { text throws in try Fault(parsing: text) }
        // The port is known when `serve` has begun: see `serving()`.
        var webhook = SandboxWebhook(url: "http://127.0.0.1:9\(path)") { try await post($0) }
        webhook.auth = auth
        webhook.token = token
        webhook.sendsUserIDs = true
        webhook.concurrentRequests = concurrentRequests
        options.webhook = webhook
        let chosen = options
        try await withFolder { folder in
            for file in ["rollcall.yaml", "engaged.sql"] {
                try FileManager.default.copyItem(
                    at: sample.appendingPathComponent(file), to: folder.appendingPathComponent(file))
            }
            try await withSandbox(chosen) { sandbox in
                let fixture = try await SQLiteFixture.make()
                do {
                    let script = try String(contentsOf: sample.appendingPathComponent("shop.sql"), encoding: .utf8)
                    try await fixture.execute(script)
                    try await body(LoopScene(folder: folder, fixture: fixture, sandbox: sandbox))
                } catch {
                    await fixture.tearDown()
                    throw error
                }
                await fixture.tearDown()
            }
        }
    }

    private static func post(_ request: SandboxWebhookRequest) async throws -> Int {
        var post = HTTPClientRequest(url: request.url)
        post.method = .POST
        for header in request.headers { post.headers.add(name: header.name, value: header.value) }
        post.body = .bytes(ByteBuffer(bytes: request.body))
        let response = try await HTTPClient.shared.execute(post, timeout: .seconds(60))
        _ = try await response.body.collect(upTo: 65_536)
        return Int(response.status.code)
    }

    // MARK: The program

    private var environment: [String: String] {
        [
            "ITERABLE_API_KEY": Shop.apiKey, "ITERABLE_WEBHOOK_TOKEN": Self.token, "SHOP": fixture.path,
            "ITERABLE_BASE_URL": sandbox.baseURL ?? "", "RECEIVER_LISTEN": "127.0.0.1:0",
        ]
    }

    /// A process that receives; the sandbox posts to it from now on.
    func serving() async throws -> RunningProgram {
        let program = try Program.start(
            ["serve", "--listen", "127.0.0.1:0"], in: folder, environment: environment)
        let address = /receiving on (http:\/\/127\.0\.0\.1:\d+\/\S+)\s/
        _ = try await eventually { program.hasEnded || program.errorsSoFar.contains(address) }
        let url = try #require(program.errorsSoFar.firstMatch(of: address)?.1, "\(program.errorsSoFar)")
        #expect(url.hasSuffix(Self.path))
        try sandbox.setWebhook(url: String(url))
        return program
    }

    /// Runs a sync, which ends well, and gives its counts.
    func run(_ sync: String, sourceLocation: SourceLocation = #_sourceLocation) async throws -> Counts {
        let output = try await Program.run(["run", sync, "--json"], in: folder, environment: environment)
        #expect(output.code == 0, "\(output.all)", sourceLocation: sourceLocation)
        return try Counts(try output.object())
    }

    /// Waits until the sandbox has nothing to post any more.
    func isQuiet() async throws -> Bool { try await eventually { sandbox.pendingWebhooks == 0 } }

    // MARK: What must be true

    /// The userIds on a list.
    func members(_ name: String) -> Set<String> {
        guard let list = sandbox.lists().first(where: { $0.name == name }) else { return [] }
        return Set(sandbox.members(ofList: list.id).compactMap(\.userID))
    }

    /// Whom the audience of `engaged.sql` means, by what was posted: people who clicked, without those who left the
    /// channel by a link. Who was taken off a list by a call is none of the latter.
    var engaged: Set<String> {
        let posted = sandbox.webhookJournal.filter { $0.deliveries > 0 }.map { ReceivedBody($0.body) }
        let clicked = posted.filter { $0.name == "emailClick" }.compactMap(\.userID)
        let left = posted.filter { $0.name == "emailUnSubscribe" && !$0.channels.isEmpty }.compactMap(\.userID)
        return Set(clicked).subtracting(left)
    }

    /// The rows of the table: by body, in a form that does not depend on the order of members, how often it came, with the columns.
    func rows() async throws -> [String: StoredRow] {
        let columns = "payload, deliveries, \(ReceivedBody.columns.joined(separator: ", "))"
        let rows = try await fixture.query("SELECT \(columns) FROM rollcall_iterable_events")
        return try Dictionary(
            rows.map { row in
                let body = ReceivedBody(try #require(row[0]))
                return (body.canonical, StoredRow(deliveries: Int(row[1] ?? ""), columns: Array(row.dropFirst(2))))
            }, uniquingKeysWith: { _, _ in throw SameBodyTwice() })
    }

    struct SameBodyTwice: Error {}

    struct StoredRow: Equatable {
        var deliveries: Int?
        var columns: [String?]
    }

    /// The rows that there should be after all that was posted has been answered with 204.
    var wanted: [String: StoredRow] {
        var rows: [String: StoredRow] = [:]
        for record in sandbox.webhookJournal where record.deliveries > 0 {
            let body = ReceivedBody(record.body)
            rows[body.canonical, default: StoredRow(deliveries: 0, columns: body.values)].deliveries? +=
                record.deliveries
        }
        return rows
    }
}

/// What a body says, read without Rollcall.
struct ReceivedBody {
    /// Columns of the table that ``values`` has.
    static let columns = [
        "receiver", "destination", "event_name", "email", "user_id", "occurred_at", "campaign_id", "template_id",
        "message_id",
        "message_type_id", "channel_id", "workflow_id", "url",
    ]

    let canonical: String
    let name: String?
    let userID: String?
    let channels: [Int]
    let values: [String?]

    init(_ text: String) {
        let object = (try? JSONSerialization.jsonObject(with: Data(text.utf8))) as? [String: Any] ?? [:]
        let fields = object["dataFields"] as? [String: Any] ?? [:]
        let data = try? JSONSerialization.data(withJSONObject: object, options: [.sortedKeys])
        canonical = String(decoding: data ?? Data(), as: UTF8.self)
        name = object["eventName"] as? String
        userID = object["userId"] as? String
        channels = fields["channelIds"] as? [Int] ?? []
        let time = (fields["createdAt"] as? String)?.split(separator: " ").prefix(2).joined(separator: "T")
        func number(_ key: String) -> String? { (fields[key] as? Int).map(String.init) }
        values = [
            "engagement", "marketing", name, object["email"] as? String, userID, time.map { $0 + ".000Z" },
            number("campaignId"), number("templateId"), fields["messageId"] as? String, number("messageTypeId"),
            number("channelId"), number("workflowId"), fields["url"] as? String,
        ]
    }
}
