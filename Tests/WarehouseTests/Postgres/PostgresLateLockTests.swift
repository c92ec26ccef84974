import Foundation
import RollcallCore
import Synchronization
import TestSupport
import Testing
import Warehouse

/// Locks that are not there before the first row: the server takes one for each value of a TOAST table, and functions take any.
@Suite struct PostgresLateLockTests {
    private static let rows = 20_000
    private static let columns = IdentifierColumns(email: nil, userID: "id")
    private static let recordColumns = RecordColumns(identifiers: columns, fields: ["n"])

    /// How a source is read.
    enum Way: CaseIterable {
        case audience, records, buckets, recordBuckets

        /// Calls `body` with the identifier of each row.
        func read(
            _ warehouse: any Warehouse, _ source: AudienceSource, _ body: @escaping @Sendable (AudienceCell) -> Void
        ) async throws {
            let grouping = RowGrouping(buckets: 1, key: [UInt8](repeating: 3, count: 16))
            let all: @Sendable (GroupedRows) -> BucketSelection = { _ in
                var all = BucketSelection(buckets: 1)
                all.insert(0)
                return all
            }
            switch self {
            case .audience:
                try await warehouse.readAudience(source, columns: columns, parts: 1) { _, _, id in body(id) }
            case .records:
                try await warehouse.readRecords(source, columns: recordColumns, parts: 1) { _, _, id, _ in body(id) }
            case .buckets:
                #expect(
                    try await warehouse.readBuckets(source, columns: columns, grouping: grouping, choose: all) {
                        _, id, _ in body(id)
                    })
            case .recordBuckets:
                #expect(
                    try await warehouse.readRecordBuckets(
                        source, columns: recordColumns, grouping: grouping, choose: all
                    ) { _, id, _, _ in body(id) })
            }
        }
    }

    /// Rows of a kilobyte each: when the first one comes, the server waits for room before it makes the last one. A lock is
    /// taken, and given back, for one of them.
    private static func source(lockedAt row: Int) -> AudienceSource {
        .query(
            "SELECT i || ' ' || repeat('x', 1000) || locked(i, \(row)) AS id, i AS n FROM generate_series(1, \(rows)) i",
            file: nil)
    }

    private static let function = """
        CREATE FUNCTION locked(i integer, wanted integer) RETURNS text LANGUAGE plpgsql AS $$
        BEGIN
            IF i = wanted THEN
                PERFORM pg_advisory_lock_shared(7);
                PERFORM pg_advisory_unlock_shared(7);
            END IF;
            RETURN '';
        END $$
        """

    /// How often each row has come, by its number.
    private final class Seen: Sendable {
        private let counts = Mutex<[String: Int]>([:])
        var all: [String: Int] { counts.withLock { $0 } }

        /// - Returns: whether it is the first one of all.
        func add(_ id: AudienceCell) -> Bool {
            let number = id.bytes.map { String(decoding: $0.prefix { $0 != UInt8(ascii: " ") }, as: UTF8.self) }
            return counts.withLock { counts in
                counts[number ?? "NULL", default: 0] += 1
                return counts.values.reduce(0, +) == 1
            }
        }
    }

    private func withFunction(
        waitSeconds: Double, _ body: (PostgresFixture, PostgresWarehouse, PostgresVisitor) async throws -> Void
    ) async throws {
        try await withDatabase { fixture in
            try await fixture.execute(Self.function)
            let warehouse = PostgresWarehouse(url: fixture.url, stateSchema: "rollcall", waitSeconds: waitSeconds)
            do {
                try await body(fixture, warehouse, try await fixture.visitor())
                await warehouse.close()
            } catch {
                await warehouse.close()
                throw error
            }
        }
    }

    /// Rows that were given cannot be taken back: whoever began again would count them twice.
    @Test(arguments: Way.allCases) func aLockAfterTheFirstRowsEndsTheReading(_ way: Way) async throws {
        try await withFunction(waitSeconds: 3) { _, warehouse, visitor in
            let seen = Seen()
            let error = await warehouseFailure {
                try await way.read(warehouse, Self.source(lockedAt: Self.rows)) { id in
                    guard seen.add(id) else { return }
                    // This thread is the reading's own: it may wait.
                    let isLocked = DispatchSemaphore(value: 0)
                    Task {
                        _ = try? await visitor.run("SELECT pg_advisory_lock(7)")
                        isLocked.signal()
                    }
                    isLocked.wait()
                }
            }
            #expect(error?.kind == .lockTimeout && error?.isTransient == true, "\(error as Any)")
            #expect(error?.error.code == "warehouse_lock_timeout" && error?.error.hint != nil, "\(error as Any)")
            #expect(!seen.all.isEmpty && seen.all.values.allSatisfy { $0 == 1 }, "each row came once at most")
        }
    }

    @Test(arguments: Way.allCases) func aLockBeforeTheFirstRowIsWaitedFor(_ way: Way) async throws {
        try await withFunction(waitSeconds: 120) { _, warehouse, visitor in
            try await visitor.run("SELECT pg_advisory_lock(7)")
            let seen = Seen()
            let reports = Collector<WarehouseWait.Report>()
            let wait = WarehouseWait(report: { reports.add($0) }, firstReport: 0.01, nextReport: 0.01)
            async let reading: Void = WarehouseWait.$current.withValue(wait) {
                try await way.read(warehouse, Self.source(lockedAt: 1)) { _ = seen.add($0) }
            }
            try await poll { !reports.all.isEmpty }
            try await visitor.run("SELECT pg_advisory_unlock(7)")
            try await reading
            #expect(seen.all.count == Self.rows && seen.all.values.allSatisfy { $0 == 1 })
        }
    }
}
