import TestSupport
import Testing

@Suite("Conformance of Postgres")
struct ConformancePostgresTests {
    @Test("Postgres", arguments: ConformanceSuite.all)
    func postgres(_ test: ConformanceTest) async throws {
        try await test.run(on: PostgresFixture.self)
    }
}
