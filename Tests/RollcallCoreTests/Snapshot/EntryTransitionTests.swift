import RollcallCore
import Testing

/// What each outcome does to an entry, as a table.
///
/// A cell is the entry afterwards: S subscribed, G subscribing, U unsubscribing, R rejected; `+` listed, `-` not; `=` kept,
/// `x` dropped, `.` none. The columns are the entry before: none, S+, S-, G+, G-, U+, U-, R+, R-.
@Suite struct EntryTransitionTests {
    private static let table = """
        own        subscribe   succeeded     no   S+ =  S+ S+ S+ S+ S+ S+ S+
        own        subscribe   succeeded     yes  S+ =  S+ S+ S+ S+ S+ S+ S+
        own        subscribe   failed        no   =  =  =  =  =  =  =  =  =
        own        subscribe   failed        yes  G+ =  S+ =  G+ =  U+ =  R+
        own        subscribe   rejected      no   R- R+ R- R+ R- R+ R- R+ R-
        own        subscribe   rejected      yes  R+ R+ R+ R+ R+ R+ R+ R+ R+
        own        subscribe   unknown       no   G+ =  S+ =  G+ G+ G+ G+ G+
        own        subscribe   unknown       yes  G+ =  S+ =  G+ G+ G+ G+ G+
        own        subscribe   not_attempted no   =  =  =  =  =  =  =  =  =
        own        subscribe   not_attempted yes  =  =  =  =  =  =  =  =  =
        own        unsubscribe succeeded     no   =  x  x  x  x  x  x  x  x
        own        unsubscribe succeeded     yes  =  x  x  x  x  x  x  x  x
        own        unsubscribe failed        no   =  =  =  =  =  =  =  =  =
        own        unsubscribe failed        yes  U+ U+ U+ U+ U+ =  U+ U+ U+
        own        unsubscribe rejected      no   =  =  =  =  =  =  =  =  =
        own        unsubscribe rejected      yes  U+ U+ U+ U+ U+ =  U+ U+ U+
        own        unsubscribe unknown       no   U+ U+ U+ U+ U+ =  U+ U+ U+
        own        unsubscribe unknown       yes  U+ U+ U+ U+ U+ =  U+ U+ U+
        own        unsubscribe not_attempted no   =  =  =  =  =  =  =  =  =
        own        unsubscribe not_attempted yes  =  =  =  =  =  =  =  =  =
        superseded subscribe   succeeded     no   =  x  x  x  x  x  x  x  x
        superseded subscribe   succeeded     yes  =  x  x  x  x  x  x  x  x
        superseded subscribe   failed        no   =  =  =  =  =  =  =  =  =
        superseded subscribe   failed        yes  =  =  =  =  =  =  =  =  =
        superseded subscribe   rejected      no   =  =  =  =  =  =  =  =  =
        superseded subscribe   rejected      yes  =  =  =  =  =  =  =  =  =
        superseded subscribe   unknown       no   =  =  =  =  =  =  =  =  =
        superseded subscribe   unknown       yes  =  =  =  =  =  =  =  =  =
        superseded subscribe   not_attempted no   =  =  =  =  =  =  =  =  =
        superseded subscribe   not_attempted yes  =  =  =  =  =  =  =  =  =
        superseded unsubscribe succeeded     no   =  x  x  x  x  x  x  x  x
        superseded unsubscribe succeeded     yes  =  x  x  x  x  x  x  x  x
        superseded unsubscribe failed        no   =  =  =  =  =  =  =  =  =
        superseded unsubscribe failed        yes  =  U+ U- U+ U- =  =  =  =
        superseded unsubscribe rejected      no   =  =  =  =  =  =  =  =  =
        superseded unsubscribe rejected      yes  =  U+ U- U+ U- =  =  =  =
        superseded unsubscribe unknown       no   =  U+ U- U+ U- =  =  =  =
        superseded unsubscribe unknown       yes  =  U+ U- U+ U- =  =  =  =
        superseded unsubscribe not_attempted no   =  =  =  =  =  =  =  =  =
        superseded unsubscribe not_attempted yes  =  =  =  =  =  =  =  =  =
        """

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
            let operation = try #require(Operation(rawValue: line[1]))
            let outcome = try #require(RecordOutcome.Kind(rawValue: line[2]))
            let cells = Self.marks.map { before in
                Self.cell(
                    EntryTransition.next(relation, before, operation, outcome, mayStillLand: line[3] == "yes"))
            }
            #expect(cells == Array(line.dropFirst(4)), "\(line.prefix(4).joined(separator: " "))")
        }
    }

    /// The table for adapters leaves out what keeps an entry, and nothing else.
    @Test func theTableForAdaptersIsWhole() {
        #expect(Set(EntryTransition.marks) == Set(Self.marks))
        let changing = Self.table.split(separator: "\n").flatMap { $0.split(separator: " ").dropFirst(4) }
            .count { $0 != "=" }
        #expect(EntryTransition.table.count == changing)
        #expect(EntryTransition.table.allSatisfy { $0.write != .keep })
        for line in EntryTransition.table {
            let write = EntryTransition.next(
                line.relation, line.before, line.operation, line.outcome, mayStillLand: line.mayStillLand)
            #expect(write == line.write)
        }
    }

    /// SQLite relies on it: what an outcome has done to an entry, it does not do otherwise to what it made of it.
    @Test func anOutcomeDoesNothingMoreTheSecondTime() {
        for line in EntryTransition.table where line.relation == .own {
            let mark: EntryMark? = if case .put(let mark) = line.write { mark } else { nil }
            let again = EntryTransition.next(
                .own, mark, line.operation, line.outcome, mayStillLand: line.mayStillLand)
            #expect(again == .keep || again == line.write, "\(line)")
        }
    }

    /// SQLite relies on it: an outcome that changes an entry makes one where there is none, or drops it.
    @Test func whatKeepsTheAbsentKeepsEverybody() {
        for line in EntryTransition.table where line.relation == .own && line.write != .drop {
            let absent = EntryTransition.next(
                .own, nil, line.operation, line.outcome, mayStillLand: line.mayStillLand)
            #expect(absent != .keep, "\(line)")
        }
    }

    @Test func onlyWhoIsCertainlyNotOnTheListIsForgotten() {
        #expect(
            EntryTransition.marks.compactMap(\.self).filter(EntryTransition.isForgotten).map(\.state) == [.rejected])
        #expect(!EntryTransition.isForgotten(EntryMark(.rejected, listed: true)))
    }
}
