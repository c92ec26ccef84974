import Dispatch
import Foundation

/// Another program's session on a test's database, whose transactions may stay open between two calls.
package final class PostgresVisitor: Sendable {
    // SAFETY: the client is used on `queue` only.
    private nonisolated(unsafe) let client: PostgresClient
    private let queue = DispatchQueue(label: "visitor")

    package init(_ url: String) async throws {
        client = try await PostgresCluster.onThread { UncheckedClient(try PostgresClient(url)) }.client
    }

    /// Runs statements and gives the rows of the last, as text.
    @discardableResult
    package func run(_ sql: String) async throws -> [[String?]] {
        try await withCheckedThrowingContinuation { continuation in
            queue.async { continuation.resume(with: Result { try self.client.run(sql) }) }
        }
    }
}

private struct UncheckedClient: @unchecked Sendable {
    let client: PostgresClient
    init(_ client: PostgresClient) { self.client = client }
}

extension PostgresFixture {
    /// A session of another program, as the superuser.
    package func visitor() async throws -> PostgresVisitor {
        try await PostgresVisitor(cluster.socketURL(database: database))
    }

    /// Returns when a session of the database waits for a lock.
    package func untilALockIsAwaited() async throws {
        let deadline = ContinuousClock.now + patience
        while try await query(
            "SELECT 1 FROM pg_locks WHERE NOT granted AND database = (SELECT oid FROM pg_database"
                + " WHERE datname = current_database())"
        ).isEmpty {
            guard ContinuousClock.now < deadline else { throw PostgresCluster.Failure(description: "nothing waits") }
            try await Task.sleep(for: .milliseconds(5))
        }
    }
}
