import RollcallCore
import SeededRandom
import Testing

/// Room for those who come, and tables made of another's image.
@Suite struct MemberTableImageTests {
    private typealias Contents = [Fingerprint: MemberTable.Marks]

    /// Bytes of all slots: another number means that the table grew.
    private static func size(_ table: borrowing MemberTable) -> Int { table.withImage { $0.count + $1.count } }

    private static func contents(_ table: borrowing MemberTable) -> Contents {
        var contents: Contents = [:]
        table.forEach { contents[$0] = $1 }
        return contents
    }

    private static func people(_ count: Int, _ random: inout SeededGenerator) -> [Fingerprint] {
        (0..<count).map { _ in Fingerprint(high: random.next(), low: random.next()) }
    }

    private static let listed = MemberTable.Marks(.subscribed, listed: true)

    /// The last of them is large enough to be taken straight from the kernel, and given back in pieces.
    @Test(
        arguments: [
            (0, 1), (0, 52), (0, 53), (51, 1), (52, 0), (1000, 0), (1000, 1), (1000, 250), (1000, 100_000),
            (300_000, 20_000),
        ], [false, true])
    func whoWasExpectedFindsRoom(_ numbers: (members: Int, more: Int), someLeft: Bool) {
        var random = SeededGenerator(seed: UInt64(numbers.members + numbers.more))
        let members = Self.people(numbers.members, &random)
        let more = Self.people(numbers.more, &random)
        var table = MemberTable(capacity: numbers.members)
        var model: Contents = [:]
        for member in members {
            table.addMember(member, Self.listed)
            model[member] = Self.listed
        }
        if someLeft {
            for member in members.prefix(members.count / 3) {
                table.removeMember(member)
                model[member] = nil
            }
        }
        table.reserve(numbers.more)
        let size = Self.size(table)
        #expect(Self.contents(table) == model, "nobody is lost")
        for (index, newcomer) in more.enumerated() {
            if index % 2 == 0 { table.addEntered(newcomer) } else { table.addMember(newcomer, Self.listed) }
            model[newcomer] = index % 2 == 0 ? [.used, .seen] : Self.listed
        }
        #expect(Self.size(table) == size)
        #expect(Self.contents(table) == model)
    }

    @Test func theSameGoesForManyAtOnce() {
        var random = SeededGenerator(seed: 3)
        let members = Self.people(1000, &random)
        let more = Self.people(5000, &random)
        var table = MemberTable(capacity: 1000)
        var grown = MemberTable(capacity: 1000)
        for member in members {
            table.addMember(member, Self.listed)
            grown.addMember(member, Self.listed)
        }
        let small = Self.size(grown)
        table.reserve(5000)
        let size = Self.size(table)
        let marks = [UInt8](repeating: Self.listed.rawValue, count: more.count)
        more.withUnsafeBufferPointer { more in
            marks.withUnsafeBufferPointer { marks in
                table.addMembers(more, marks)
                grown.addMembers(more, marks)
            }
        }
        #expect(Self.size(table) == size)
        #expect(Self.size(grown) > small, "without the room it grows")
        #expect(table.count == 6000)
        #expect(Self.contents(table) == Self.contents(grown))
    }

    @Test func roomThatIsThereIsNotMade() {
        var table = MemberTable(capacity: 1000)
        let size = Self.size(table)
        table.reserve(1000)
        table.reserve(0)
        #expect(Self.size(table) == size)
    }

    // MARK: Images

    private struct Unreadable: Error, Equatable {}

    /// A table that closures can give back.
    private final class Copied {
        var table: MemberTable

        init(_ table: consuming MemberTable) { self.table = table }
    }

    private static func copy(_ table: borrowing MemberTable) -> Copied? {
        table.withImage { fingerprints, marks in
            let copy = MemberTable(slots: marks.count) { newFingerprints, newMarks in
                // Only the room for the image, and nothing in it yet.
                guard newFingerprints.count == fingerprints.count, newMarks.count == marks.count,
                    newFingerprints.allSatisfy({ $0 == 0 }), newMarks.allSatisfy({ $0 == 0 })
                else { return false }
                newFingerprints.copyMemory(from: fingerprints)
                newMarks.copyMemory(from: marks)
                return true
            }
            guard let copy else { return nil }
            return Copied(copy)
        }
    }

    @Test(arguments: [0, 1, 50, 3000, 270_000])
    func aTableFromAnImageIsTheTable(members: Int) throws {
        var random = SeededGenerator(seed: UInt64(members))
        let people = Self.people(members, &random)
        var table = MemberTable(capacity: members / 2)
        for member in people {
            let state = MemberState.allCases.randomElement(using: &random) ?? .subscribed
            table.addMember(member, .init(state, listed: random.next() % 2 == 0))
        }
        for member in people.prefix(members / 7) { table.removeMember(member) }
        for member in people.suffix(members / 5) { _ = table.markSeen(member) }
        let made = Self.copy(table)
        let copy = try #require(made)
        #expect(Self.size(copy.table) == Self.size(table))
        #expect(copy.table.count == table.count)
        #expect(copy.table.count(with: [.member, .listed]) == table.count(with: [.member, .listed]))
        #expect(Self.contents(copy.table) == Self.contents(table))
        // From here on they go the same way, also when they grow.
        let newcomers = Self.people(members + 100, &random)
        for (index, newcomer) in newcomers.enumerated() {
            table.addEntered(newcomer)
            copy.table.addEntered(newcomer)
            guard index < people.count else { continue }
            let (met, expected) = (copy.table.markSeen(people[index]), table.markSeen(people[index]))
            if met != expected { Issue.record("\(index)") }
        }
        #expect(copy.table.count == table.count)
        #expect(Self.contents(copy.table) == Self.contents(table))
    }

    @Test(arguments: [1, 64, 300_000])
    func anImageThatIsNotWholeMakesNoTable(slots: Int) {
        let table = MemberTable(slots: slots) { fingerprints, marks in
            fingerprints.copyBytes(from: [UInt8](repeating: 7, count: 8))
            marks[0] = 3
            return false
        }
        switch consume table {
        case .none: break
        case .some: Issue.record("a table of half an image")
        }
        #expect(throws: Unreadable()) {
            _ = try MemberTable(slots: slots) { _, _ in throw Unreadable() }
        }
    }
}
