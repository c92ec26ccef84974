import TestSupport
import Testing

@Suite("Conformance of SQLite")
struct ConformanceSQLiteTests {
    @Test("with a rollback journal", arguments: ConformanceSuite.all)
    func rollbackJournal(_ test: ConformanceTest) async throws {
        try await test.run(on: SQLiteFixture.self)
    }

    @Test("in WAL mode", arguments: ConformanceSuite.all)
    func wal(_ test: ConformanceTest) async throws {
        try await test.run(on: SQLiteWALFixture.self)
    }
}
