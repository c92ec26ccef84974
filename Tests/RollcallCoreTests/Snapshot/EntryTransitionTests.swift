import RollcallCore
import Testing

/// What each outcome does to an entry, as a table.
///
/// A cell is the entry afterwards: S subscribed, G subscribing, U unsubscribing, R rejected; `+` listed, `-` not; `=` kept,
/// `x` dropped, `.` none. The columns are the entry before: none, S+, S-, G+, G-, U+, U-, R+, R-.
@Suite struct EntryTransitionTests {
    private static let table = """
        own        put    succeeded     no   S+ =  S+ S+ S+ S+ S+ S+ S+
        own        put    succeeded     yes  S+ =  S+ S+ S+ S+ S+ S+ S+
        own        put    failed        no   =  =  =  =  =  =  =  =  =
        own        put    failed        yes  G+ =  S+ =  G+ =  U+ =  R+
        own        put    rejected      no   R- R+ R- R+ R- R+ R- R+ R-
        own        put    rejected      yes  R+ R+ R+ R+ R+ R+ R+ R+ R+
        own        put    unknown       no   G+ =  S+ =  G+ G+ G+ G+ G+
        own        put    unknown       yes  G+ =  S+ =  G+ G+ G+ G+ G+
        own        put    not_attempted no   =  =  =  =  =  =  =  =  =
        own        put    not_attempted yes  =  =  =  =  =  =  =  =  =
        own        remove succeeded     no   =  x  x  x  x  x  x  x  x
        own        remove succeeded     yes  =  x  x  x  x  x  x  x  x
        own        remove failed        no   =  =  =  =  =  =  =  =  =
        own        remove failed        yes  U+ U+ U+ U+ U+ =  U+ U+ U+
        own        remove rejected      no   =  =  =  =  =  =  =  =  =
        own        remove rejected      yes  U+ U+ U+ U+ U+ =  U+ U+ U+
        own        remove unknown       no   U+ U+ U+ U+ U+ =  U+ U+ U+
        own        remove unknown       yes  U+ U+ U+ U+ U+ =  U+ U+ U+
        own        remove not_attempted no   =  =  =  =  =  =  =  =  =
        own        remove not_attempted yes  =  =  =  =  =  =  =  =  =
        superseded put    succeeded     no   =  x  x  x  x  x  x  x  x
        superseded put    succeeded     yes  =  x  x  x  x  x  x  x  x
        superseded put    failed        no   =  =  =  =  =  =  =  =  =
        superseded put    failed        yes  =  =  =  =  =  =  =  =  =
        superseded put    rejected      no   =  =  =  =  =  =  =  =  =
        superseded put    rejected      yes  =  =  =  =  =  =  =  =  =
        superseded put    unknown       no   =  =  =  =  =  =  =  =  =
        superseded put    unknown       yes  =  =  =  =  =  =  =  =  =
        superseded put    not_attempted no   =  =  =  =  =  =  =  =  =
        superseded put    not_attempted yes  =  =  =  =  =  =  =  =  =
        superseded remove succeeded     no   =  x  x  x  x  x  x  x  x
        superseded remove succeeded     yes  =  x  x  x  x  x  x  x  x
        superseded remove failed        no   =  =  =  =  =  =  =  =  =
        superseded remove failed        yes  =  U+ U- U+ U- =  =  =  =
        superseded remove rejected      no   =  =  =  =  =  =  =  =  =
        superseded remove rejected      yes  =  U+ U- U+ U- =  =  =  =
        superseded remove unknown       no   =  U+ U- U+ U- =  =  =  =
        superseded remove unknown       yes  =  U+ U- U+ U- =  =  =  =
        superseded remove not_attempted no   =  =  =  =  =  =  =  =  =
        superseded remove not_attempted yes  =  =  =  =  =  =  =  =  =
        """

    /// The same for entries that have another content than was put: the columns begin with S+.
    private static let otherContents = """
        own        put    succeeded     no   S+ S+ S+ S+ S+ S+ S+ S+
        own        put    succeeded     yes  S+ S+ S+ S+ S+ S+ S+ S+
        own        put    failed        no   =  =  =  =  =  =  =  =
        own        put    failed        yes  G+ G+ G+ G+ U+ U+ G+ G+
        own        put    rejected      no   R+ R- R+ R- R+ R- R+ R-
        own        put    rejected      yes  R+ R+ R+ R+ R+ R+ R+ R+
        own        put    unknown       no   G+ G+ G+ G+ G+ G+ G+ G+
        own        put    unknown       yes  G+ G+ G+ G+ G+ G+ G+ G+
        own        put    not_attempted no   =  =  =  =  =  =  =  =
        own        put    not_attempted yes  =  =  =  =  =  =  =  =
        """

    @Test func anotherContentIsInDoubtUntilItIsAcknowledged() throws {
        let lines = Self.otherContents.split(separator: "\n").map { $0.split(separator: " ").map(String.init) }
        #expect(lines.count == 5 * 2)
        for line in lines {
            let outcome = try #require(RecordOutcome.Kind(rawValue: line[2]))
            let cells = Self.marks.dropFirst().map { before in
                Self.cell(
                    EntryTransition.next(.own, before, .put, outcome, mayStillLand: line[3] == "yes", isSame: false))
            }
            #expect(cells == Array(line.dropFirst(4)), "\(line.prefix(4).joined(separator: " "))")
        }
    }

    private static let marks: [EntryMark?] = [
        nil, EntryMark(.subscribed, listed: true), EntryMark(.subscribed, listed: false),
        EntryMark(.subscribing, listed: true), EntryMark(.subscribing, listed: false),
        EntryMark(.unsubscribing, listed: true), EntryMark(.unsubscribing, listed: false),
        EntryMark(.rejected, listed: true), EntryMark(.rejected, listed: false),
    ]

    private static func cell(_ write: EntryWrite) -> String {
        switch write {
        case .keep: return "="
        case .drop: return "x"
        case .put(let mark):
            let letter =
                switch mark.state {
                case .subscribed: "S"
                case .subscribing: "G"
                case .unsubscribing: "U"
                case .rejected: "R"
                }
            return letter + (mark.listed ? "+" : "-")
        }
    }

    @Test func everyOutcomeDoesWhatTheTableSays() throws {
        let lines = Self.table.split(separator: "\n").map { $0.split(separator: " ").map(String.init) }
        #expect(lines.count == 2 * 2 * 5 * 2)
        #expect(Set(lines.map { $0.prefix(4).joined(separator: " ") }).count == lines.count)
        for line in lines {
            let relation = try #require(EntryTransition.Relation(rawValue: line[0]))
            let direction = try #require(Direction(rawValue: line[1]))
            let outcome = try #require(RecordOutcome.Kind(rawValue: line[2]))
            let cells = Self.marks.map { before in
                Self.cell(
                    EntryTransition.next(relation, before, direction, outcome, mayStillLand: line[3] == "yes"))
            }
            #expect(cells == Array(line.dropFirst(4)), "\(line.prefix(4).joined(separator: " "))")
        }
    }

    /// The table for adapters leaves out what keeps an entry, and nothing else.
    @Test func theTableForAdaptersIsWhole() {
        #expect(Set(EntryTransition.marks) == Set(Self.marks))
        let changing = [Self.table, Self.otherContents].map { table in
            table.split(separator: "\n").flatMap { $0.split(separator: " ").dropFirst(4) }.count { $0 != "=" }
        }
        #expect(EntryTransition.table.count(where: \.isSame) == changing[0])
        // Where there is no entry, no content differs.
        #expect(EntryTransition.table.count { !$0.isSame } == changing[1])
        #expect(EntryTransition.table.allSatisfy { $0.write != .keep })
        for line in EntryTransition.table {
            let write = EntryTransition.next(
                line.relation, line.before, line.direction, line.outcome, mayStillLand: line.mayStillLand,
                isSame: line.isSame)
            #expect(write == line.write)
        }
    }

    /// SQLite relies on it: what an outcome has done to an entry, it does not do otherwise to what it made of it.
    @Test func anOutcomeDoesNothingMoreTheSecondTime() {
        for line in EntryTransition.table where line.relation == .own {
            let mark: EntryMark? = if case .put(let mark) = line.write { mark } else { nil }
            let again = EntryTransition.next(
                .own, mark, line.direction, line.outcome, mayStillLand: line.mayStillLand)
            #expect(again == .keep || again == line.write, "\(line)")
        }
    }

    /// SQLite relies on it: an outcome that changes an entry makes one where there is none, or drops it.
    @Test func whatKeepsTheAbsentKeepsEverybody() {
        for line in EntryTransition.table where line.relation == .own && line.write != .drop {
            let absent = EntryTransition.next(
                .own, nil, line.direction, line.outcome, mayStillLand: line.mayStillLand)
            #expect(absent != .keep, "\(line)")
        }
    }

    @Test func onlyWhoIsCertainlyNotOnTheListIsForgotten() {
        #expect(
            EntryTransition.marks.compactMap(\.self).filter(EntryTransition.isForgotten).map(\.state) == [.rejected])
        #expect(!EntryTransition.isForgotten(EntryMark(.rejected, listed: true)))
    }
}
