import Foundation
import RollcallCore
import Synchronization
import TestSupport
import Warehouse

/// Runs `body` on a fresh database and deletes it afterwards.
func withDatabase<T>(_ body: (PostgresFixture) async throws -> T) async throws -> T {
    let fixture = try await PostgresFixture.make()
    do {
        let value = try await body(fixture)
        await fixture.tearDown()
        return value
    } catch {
        await fixture.tearDown()
        throw error
    }
}

/// The error that a call ends with; nil if it succeeds.
func warehouseFailure<T>(_ body: () async throws -> T) async -> WarehouseError? {
    do {
        _ = try await body()
        return nil
    } catch let error as WarehouseError {
        return error
    } catch {
        return WarehouseError(.other, "\(type(of: error)): \(error)")
    }
}

/// A cell as a test sees it.
struct Cell: Equatable, Sendable {
    var text: String?
    var isIdentifier = true
}

/// Collects what a callback gives.
final class Collector<Element: Sendable>: Sendable {
    private let items = Mutex<[Element]>([])
    var all: [Element] { items.withLock { $0 } }
    func add(_ item: Element) { items.withLock { $0.append(item) } }
}

func audience(_ warehouse: any Warehouse, _ source: AudienceSource, _ columns: IdentifierColumns) async throws
    -> [[Cell]]
{
    let rows = Collector<[Cell]>()
    try await warehouse.readAudience(source, columns: columns) { email, userID in
        rows.add(
            [email, userID].map { cell in
                Cell(text: cell.bytes.map { String(decoding: $0, as: UTF8.self) }, isIdentifier: cell.isIdentifier)
            })
    }
    return rows.all
}

/// Changes and records from memory.
final class ListPlan: StagedPlan {
    private let changes: Mutex<ArraySlice<Change>>
    private let records: Mutex<ArraySlice<ValidationRecord>>

    init(_ changes: [Change], _ records: [ValidationRecord] = []) {
        self.changes = Mutex(changes[...])
        self.records = Mutex(records[...])
    }

    func nextChanges(limit: Int) -> [Change] { Self.next(changes, limit) }
    func nextRecords(limit: Int) -> [ValidationRecord] { Self.next(records, limit) }

    private static func next<T: Sendable>(_ items: borrowing Mutex<ArraySlice<T>>, _ limit: Int) -> [T] {
        items.withLock { items in
            defer { items = items.dropFirst(limit) }
            return Array(items.prefix(limit))
        }
    }
}

func newRun(_ sync: String = "vip", list: Int64? = 7) -> SyncRun {
    var run = SyncRun(
        id: UUID().uuidString.lowercased(), sync: sync, destination: "marketing", trigger: .manual, status: .running,
        startedAt: Date(timeIntervalSince1970: 1_790_000_000.123))
    run.listID = list
    return run
}

func change(
    _ sequence: Int64, _ email: String, _ operation: RollcallCore.Operation = .subscribe, kind: ChangeKind = .send,
    parent: Int64? = nil
) -> Change {
    let hash = email.utf8.reduce(UInt64(14_695_981_039_346_656_037)) { ($0 ^ UInt64($1)) &* 1_099_511_628_211 }
    return Change(
        sequence: sequence, kind: kind, operation: operation, fingerprint: Fingerprint(high: hash, low: hash),
        identity: Identity(email: email, userID: nil), parent: parent)
}

extension Warehouse {
    func lease(_ sync: String = "vip") async throws -> Lease {
        let attempt = try await acquireLease(sync: sync, holder: "test", seconds: 60, isDead: { _ in true })
        guard case .acquired(let lease) = attempt else { throw WarehouseError(.conflict, "\(attempt)") }
        return lease
    }
}
