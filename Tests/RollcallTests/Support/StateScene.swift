import Foundation
import IterableSandbox
import TestSupport

/// A shop with a second warehouse, `archive`, of the other kind, in which the state of the shop's syncs may live.
struct StateScene: Sendable {
    let scene: FaultScene
    let archive: any WarehouseFixture
    static let limits =
        "requests_per_second: 1000, settle_seconds: 0.4, subscribers_per_request: 3, concurrent_requests: 2,"
        + " request_timeout_seconds: 4"

    var shop: Shop { scene.shop }

    static func with(
        _ kind: Shop.Kind, _ project: FaultScene.Project = .email, people: ClosedRange<Int>,
        _ body: (StateScene) async throws -> Void
    ) async throws {
        let archive: any WarehouseFixture =
            switch kind {
            case .sqlite: try await PostgresFixture.make()
            case .postgres: try await SQLiteFixture.make()
            }
        var failure: (any Error)?
        do {
            try await FaultScene.with(kind, project, people: people, tune: { $0.latencySeconds = 0.01 }) { scene in
                let both = StateScene(scene: scene, archive: archive)
                try both.configure(inArchive: false)
                try await body(both)
            }
        } catch { failure = error }
        await archive.tearDown()
        if let failure { throw failure }
    }

    /// Writes `rollcall.yaml`.
    /// - Parameter inArchive: whether the shop has `state: archive`.
    func configure(inArchive: Bool) throws {
        try scene.configure { text in
            text.limits = Self.limits
            if inArchive { text.warehouse = text.warehouse.dropLast(2) + ", state: archive }" }
        }
        let address =
            (archive as? SQLiteFixture).map { "{ type: sqlite, path: \"\($0.path)\" }" }
            ?? "{ type: postgres, url: \"${ARCHIVE_URL}\" }"
        let file = shop.folder.appendingPathComponent("rollcall.yaml")
        let text = try String(contentsOf: file, encoding: .utf8)
            .replacingOccurrences(of: "\ndestinations:", with: "\n  archive: \(address)\ndestinations:")
        try Data(text.utf8).write(to: file)
    }

    var environment: [String: String] {
        guard let postgres = archive as? PostgresFixture else { return [:] }
        return ["ARCHIVE_URL": postgres.cluster.socketURL(database: postgres.database)]
    }

    func rollcall(_ arguments: String...) async throws -> Output {
        try await shop.rollcall(arguments, environment: environment)
    }

    func start(_ arguments: String...) throws -> RunningProgram {
        try Program.start(arguments, in: shop.folder, environment: shop.environment.merging(environment) { $1 })
    }

    /// Runs the sync; a sandbox that does not answer in time on a busy machine is asked again.
    func run() async throws -> Output {
        var end = try await rollcall("run", "members", "--json")
        for _ in 0..<3 where end.code == 1 && end.out.contains("did not answer in time") {
            end = try await rollcall("run", "members", "--json")
        }
        return end
    }

    /// What has reached Iterable after this number of requests, without those that only read.
    func deliveries(since before: Int) -> Int {
        shop.sandbox.requestLog.suffix(shop.sandbox.counts.requests - before).count { $0.method != "GET" }
    }
}
