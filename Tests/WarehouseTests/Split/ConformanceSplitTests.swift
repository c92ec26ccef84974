import TestSupport
import Testing

/// What a source and a state promise, they promise together when they are two databases.
@Suite("Conformance of a state elsewhere")
struct ConformanceSplitTests {
    private static let tests =
        AudienceConformance.tests + RecordConformance.tests + BoundConformance.tests + BucketConformance.tests
        + RecordBucketConformance.tests + WatchConformance.tests
        + LeaseConformance.tests + RunConformance.tests + OutcomeConformance.tests + SnapshotConformance.tests
        + ListConformance.tests + FieldConformance.tests + LogConformance.tests + TickConformance.tests

    @Test("SQLite is read, Postgres has the state", arguments: tests)
    func sqliteIsRead(_ test: ConformanceTest) async throws {
        try await test.run(on: SplitFixture.self)
    }

    @Test("Postgres is read, SQLite has the state", arguments: tests)
    func postgresIsRead(_ test: ConformanceTest) async throws {
        let fixture = try SplitFixture(
            source: await PostgresFixture.make(), state: await SQLiteFixture.make(journalMode: "WAL"))
        try await test.run(with: fixture)
    }
}
