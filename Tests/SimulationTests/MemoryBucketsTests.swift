import Foundation
import RollcallCore
import Synchronization
import Testing
import Warehouse

@testable import Simulation

/// The source of the histories keeps what a reading by buckets relies on.
@Suite struct MemoryBucketsTests {
    private static let columns = IdentifierColumns(email: "email", userID: "user_id")
    private static let grouping = RowGrouping(buckets: 3, key: [UInt8](0..<16))

    private static func row(_ email: String?, _ userID: String?) -> People.Row {
        People.Row(email: email.map { Array($0.utf8) }, userID: userID.map { Array($0.utf8) })
    }

    private static func read(
        _ rows: [People.Row], wants: @escaping @Sendable (Int) -> Bool = { _ in true }
    ) async throws -> (digests: [BucketDigest], buckets: [Int]) {
        let warehouse = MemoryWarehouse(time: { Date() })
        warehouse.audience = rows
        let digests = Mutex<[BucketDigest]>([])
        let buckets = Mutex<[Int]>([])
        let table = AudienceSource.table(["people"])
        let isRead = try await warehouse.readBuckets(table, columns: columns, grouping: grouping) { found in
            digests.withLock { $0 = found.digests }
            var wanted = BucketSelection(buckets: found.digests.count)
            for bucket in found.digests.indices where wants(bucket) { wanted.insert(bucket) }
            return wanted
        } _: { _, _, bucket in
            buckets.withLock { $0.append(bucket) }
        }
        #expect(isRead)
        return (digests.withLock { $0 }, buckets.withLock { $0 })
    }

    private static let people = (0..<40).map { row("p\($0)@example.com", "U\($0)") }

    @Test func onlyTheRowsOfWantedBucketsCome() async throws {
        let all = try await Self.read(Self.people)
        #expect(all.buckets.count == 40 && Set(all.buckets).count > 3)
        for (bucket, digest) in all.digests.enumerated() {
            #expect(all.buckets.count { $0 == bucket } == digest.rows)
        }
        let chosen = all.buckets[0]
        let some = try await Self.read(Self.people) { $0 == chosen }
        #expect(Set(some.buckets) == [chosen] && some.digests == all.digests)
    }

    @Test func aChangeOfOneRowChangesTheDigestOfItsBucketAlone() async throws {
        let before = try await Self.read(Self.people)
        var changed = Self.people
        changed[7].userID = Array("u7".utf8)
        let after = try await Self.read(changed)
        let others = before.digests.indices.filter { before.digests[$0] != after.digests[$0] }
        #expect(others == [before.buckets[7]] && after.buckets == before.buckets)
        #expect(try await Self.read(Self.people.reversed()).digests == before.digests, "whatever their order is")
        #expect(try await Self.read(Self.people + [Self.people[0]]).digests != before.digests, "a row that comes twice")
    }

    @Test func theDigestOfARecordCoversEveryColumnAndItsBucketFollowsTheIdentifiers() async throws {
        func digests(_ change: (inout TableRow) -> Void) async throws -> [BucketDigest] {
            var row = TableRow()
            (row["id"], row["email"], row["plan"], row["orders"]) = (
                .text("c-1"), .text("a@example.com"), .text("1"), .null
            )
            change(&row)
            let warehouse = MemoryWarehouse(time: { Date() })
            warehouse.customers = [row]
            let found = Mutex<[BucketDigest]>([])
            let columns = RecordColumns(
                identifiers: IdentifierColumns(email: "email", userID: nil), fields: ["id", "plan", "orders"])
            let isRead = try await warehouse.readRecordBuckets(
                Customers.table, columns: columns, grouping: Self.grouping
            ) { groups in
                found.withLock { $0 = groups.digests }
                return BucketSelection(buckets: groups.digests.count)
            } _: { _, _, _, _ in
                Issue.record("no row was wanted")
            }
            #expect(isRead)
            return found.withLock { $0 }
        }
        let first = try await digests { _ in }
        let changes: [(inout TableRow) -> Void] = [
            { $0["id"] = .text("c-2") }, { $0["plan"] = .null }, { $0["plan"] = .integer(1) },
            { $0["orders"] = .integer(0) }, { ($0["plan"], $0["orders"]) = (.null, .text("1")) },
        ]
        for change in changes {
            let changed = try await digests(change)
            #expect(changed != first && changed.map(\.rows) == first.map(\.rows))
        }
        #expect(try await digests { $0["changed"] = .integer(7) } == first, "a column that is not read")
    }

    @Test func digestsTellWhereATextEndsAndWhetherThereIsOne() async throws {
        let rows: [(String?, String?)] = [
            ("ab", "c"), ("a", "bc"), ("abc", ""), ("abc", nil), ("", "abc"), (nil, "abc"),
        ]
        var digests: [[BucketDigest]] = []
        for (email, userID) in rows { digests.append(try await Self.read([Self.row(email, userID)]).digests) }
        for (index, digest) in digests.enumerated() { #expect(!digests[..<index].contains(digest), "\(rows[index])") }
    }
}
