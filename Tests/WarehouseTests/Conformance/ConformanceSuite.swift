import RollcallCore
import TestSupport
import Testing
import Warehouse

/// One promise of the warehouse port, and the test that holds an adapter to it.
struct ConformanceTest: Sendable, CustomTestStringConvertible {
    var name: String
    var body: @Sendable (any WarehouseFixture) async throws -> Void

    init(_ name: String, _ body: @escaping @Sendable (any WarehouseFixture) async throws -> Void) {
        self.name = name
        self.body = body
    }

    var testDescription: String { name }

    /// Runs the test on a fresh database.
    func run<F: WarehouseFixture>(on kind: F.Type) async throws {
        try await run(with: await F.make())
    }

    /// Runs the test on this database and deletes it afterwards.
    func run(with fixture: any WarehouseFixture) async throws {
        do {
            try await body(fixture)
        } catch {
            await fixture.tearDown()
            throw error
        }
        await fixture.tearDown()
    }
}

/// What every warehouse must do. The SQL in it is valid in all of them.
enum ConformanceSuite {
    static let all: [ConformanceTest] =
        SchemaConformance.tests + UpgradeConformance.tests + AudienceConformance.tests + RecordConformance.tests
        + BoundConformance.tests + BucketConformance.tests + RecordBucketConformance.tests + WatchConformance.tests
        + LeaseConformance.tests + TransferConformance.tests + RunConformance.tests
        + OutcomeConformance.tests + TransitionConformance.tests + RecordStateConformance.tests
        + HeldFieldsConformance.tests + RecordPartConformance.tests + ListFieldsConformance.tests
        + EventConformance.tests + EventCursorConformance.tests + EventPartConformance.tests
        + EventReadingConformance.tests
        + ReceiverConformance.tests + ReceiverReadingConformance.tests + ReceiverViewConformance.tests
        + RecoveryConformance.tests + StrayConformance.tests
        + SnapshotConformance.tests
        + LogConformance.tests + ListConformance.tests + FieldConformance.tests + ItemCheckConformance.tests
        + ReportConformance.tests
        + RetentionConformance.tests
        + TickConformance.tests + BudgetConformance.tests
}
