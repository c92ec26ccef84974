import RollcallCore
import SeededRandom
import Testing

/// Which entry's row lies in which bucket.
@Suite struct MemberTableBucketsTests {
    private static let listed = MemberTable.Marks(.subscribed, listed: true)

    private static func people(_ count: Int, seed: UInt64) -> [Fingerprint] {
        var random = SeededGenerator(seed: seed)
        return (0..<count).map { _ in Fingerprint(high: random.next(), low: random.next()) }
    }

    /// Notes each row, as the difference does after it has compared it.
    private static func read(_ table: inout MemberTable, _ rows: [(Fingerprint, Int)]) {
        for (row, bucket) in rows {
            if table.markSeen(row) == nil { table.addEntered(row) }
            [row].withUnsafeBufferPointer { rows in
                withUnsafePointer(to: UInt32(bucket)) { table.noteBuckets(rows, $0) }
            }
        }
    }

    private static func end(_ table: inout MemberTable) -> [Fingerprint: Int?] {
        var changed: [Fingerprint: Int?] = [:]
        table.endReading { changed[$0] = $2 }
        return changed
    }

    @Test func anEntryHasTheBucketOfItsOnlyRow() {
        let all = Self.people(6, seed: 1)
        var table = MemberTable()
        for person in all.prefix(5) { table.addMember(person, Self.listed) }
        table.keepBuckets()
        // The second has two rows in one bucket, the third in two, the fourth none; the last one is new.
        Self.read(
            &table, [(all[0], 3), (all[1], 4), (all[1], 4), (all[2], 5), (all[2], 6), (all[4], 0), (all[5], 7)])
        let changed = Self.end(&table)
        #expect(all.map { table.bucket(of: $0) } == [3, nil, nil, nil, 0, 7])
        #expect(changed[all[0]] == 3 && changed[all[4]] == 0 && changed[all[5]] == 7)
        #expect(table.acknowledgedMembers(buckets: 8) == [1, 0, 0, 1, 0, 0, 0, 0], "the new one is no member yet")
    }

    @Test func whatIsAsItWasIsNotTold() {
        let all = Self.people(4, seed: 2)
        var table = MemberTable()
        for person in all { table.addMember(person, Self.listed) }
        table.keepBuckets()
        Self.read(&table, all.map { ($0, 1) })
        _ = Self.end(&table)
        table.forgetAudience()
        // A second reading: one is passed over, one is as it was, one has moved, one is gone.
        table.setBucket(9, of: all[0])
        table.passOver { $0 == 9 }
        #expect(table.lookUp(all[0])?.contains(.seen) == true)
        Self.read(&table, [(all[1], 1), (all[2], 5)])
        let changed = Self.end(&table)
        #expect(changed == [all[2]: 5, all[3]: nil])
        #expect(all.map { table.bucket(of: $0) } == [9, 1, 5, nil])
    }

    /// Whose bucket was passed over, and of whom another row comes all the same, is not alone any more.
    @Test func aSecondRowOfSomebodyPassedOverIsSeen() {
        let person = Self.people(1, seed: 3)[0]
        var table = MemberTable()
        table.addMember(person, Self.listed)
        table.keepBuckets()
        table.setBucket(2, of: person)
        table.passOver { _ in true }
        Self.read(&table, [(person, 3)])
        #expect(Self.end(&table) == [person: nil])
    }

    @Test func bucketsOfRejectedAndDoubtfulMembersAreNotWhole() {
        let all = Self.people(3, seed: 4)
        var table = MemberTable()
        table.addMember(all[0], Self.listed)
        table.addMember(all[1], MemberTable.Marks(.rejected, listed: false))
        table.addMember(all[2], MemberTable.Marks(.subscribing, listed: true))
        table.keepBuckets()
        for person in all { table.setBucket(0, of: person) }
        #expect(table.acknowledgedMembers(buckets: 1) == [1])
    }

    /// Whoever is removed and comes back has no bucket, and a table that grows keeps those of all.
    @Test func bucketsSurviveGrowthAndNotRemoval() {
        let all = Self.people(5000, seed: 5)
        var table = MemberTable()
        table.keepBuckets()
        for (number, person) in all.enumerated() {
            table.addMember(person, Self.listed)
            table.setBucket(number % 50, of: person)
        }
        #expect(all.enumerated().allSatisfy { table.bucket(of: $0.element) == $0.offset % 50 })
        table.removeMember(all[7])
        table.addMember(all[7], Self.listed)
        #expect(table.bucket(of: all[7]) == nil)
    }

    // MARK: Groupings

    @Test func bucketsHaveAUsefulNumberOfRows() {
        #expect(RowGrouping.buckets(rows: 0) == 1 && RowGrouping.buckets(rows: 100) == 1)
        for rows in [6400, 100_000, 1_000_000, 10_000_000] {
            #expect(RowGrouping.usefulRowsPerBucket.contains(rows / RowGrouping.buckets(rows: rows)))
        }
        #expect(RowGrouping.buckets(rows: 1_000_000_000) == RowGrouping.mostBuckets)
        // A number that still serves is kept.
        #expect(
            RowGrouping.buckets(rows: 7900, known: 100) == 100 && RowGrouping.buckets(rows: 8200, known: 100) == 128)
        #expect(RowGrouping.buckets(rows: 5000, known: 100) == 78)
        #expect(RowGrouping.buckets(rows: 1 << 40, known: RowGrouping.mostBuckets) == RowGrouping.mostBuckets)
    }

    @Test func anotherKeyGivesOtherSeeds() {
        let one = RowGrouping(buckets: 8, key: [UInt8](repeating: 1, count: 16))
        let other = RowGrouping(buckets: 8, key: [UInt8](repeating: 2, count: 16))
        #expect(Set(one.seeds + other.seeds).count == 6)
        #expect(one == RowGrouping(buckets: 8, key: [UInt8](repeating: 1, count: 16)))
    }

    @Test func aSelectionHasOneBitForEachBucket() {
        var selection = BucketSelection(buckets: 20)
        for bucket in [0, 9, 19, 9] { selection.insert(bucket) }
        #expect(selection.count == 3 && selection.bits == [1, 2, 8])
        #expect((0..<20).filter(selection.contains) == [0, 9, 19])
    }

    // MARK: Sums

    /// Sums are compared modulo 2⁶³ - 1, of which an engine may give either sign.
    @Test func rowsAreThoseOfTheirDigests() {
        let modulus = BucketDigest.modulus
        let hashes: [Int64] = [.max, .min, -5, 7, .max - 1, .min + 2]
        let exact = hashes.reduce(Int128(0)) { $0 + Int128($1) } % Int128(modulus)
        var wanted = BucketSelection(buckets: 3)
        wanted.insert(1)
        func agree(_ digest: BucketDigest, _ change: (inout BucketSums) -> Void = { _ in }) -> Bool {
            var sums = BucketSums(buckets: 3)
            for hash in hashes { sums.add(1, hash: hash) }
            change(&sums)
            return sums.agree(with: [.empty, digest, BucketDigest(rows: 4, first: 1)], of: wanted)
        }
        let digest = BucketDigest(rows: 6, first: Int64(exact))
        #expect(agree(digest))
        #expect(agree(BucketDigest(rows: 6, first: digest.first < 0 ? digest.first + modulus : digest.first - modulus)))
        #expect(!agree(BucketDigest(rows: 6, first: digest.first + 1)), "another row")
        #expect(!agree(BucketDigest(rows: 7, first: digest.first)), "one row less")
        #expect(!agree(digest) { $0.add(1, hash: 0) }, "one row more")
        #expect(!agree(digest) { $0.add(2, hash: 0) }, "a row of a bucket that was not wanted")
    }

    /// A snapshot that is read again finds the buckets of those who are still on it, also where the table grows.
    @Test func membersThatAreAddedAgainKeepTheirBuckets() {
        var table = MemberTable(capacity: 10)
        table.keepBuckets()
        let people = (1...10).map { Fingerprint(high: UInt64($0) << 56, low: 1) }
        let marks = MemberTable.Marks([.used, .member, .listed])
        for (number, person) in people.enumerated() {
            table.addMember(person, marks)
            table.setBucket(number, of: person)
        }
        table.forgetMembers()
        for number in 0..<500 as Range<UInt64> { table.addMember(Fingerprint(high: number << 40, low: 2), marks) }
        for person in people.dropFirst(2) { table.addMember(person, marks) }
        table.forgetAudience()
        #expect(people.map { table.bucket(of: $0) } == [nil, nil] + (2..<10).map { $0 })
        #expect(table.lookUp(people[0]) == nil && table.lookUp(people[2]) == marks)
    }
}
