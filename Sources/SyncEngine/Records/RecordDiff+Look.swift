import RollcallCore
import Warehouse

/// What a look of a stream has met.
struct LookMeetings {
    /// The highest position, rows apart that are ahead of the clock, and of those of which something is sent the lowest.
    var highest: Int64?
    var lowestNew: Int64?
    /// How many rows are further in the future than clocks differ.
    var ahead = 0
    /// Rows of which something is planned.
    var changes = 0
    /// Whether the source has more than was read.
    var isCut = false
    /// Of keys with rows that cannot be sent: the lowest position of these; nil: one of them has none.
    private(set) var refused: [Fingerprint: Int64?] = [:]
    /// Records that wait for the next sweep.
    var heldBack: Set<Fingerprint> = []
    /// Of keys that had several rows before: a row that is newer than all of these.
    var newer: [Fingerprint: RecordMemory.NewestRow] = [:]
    /// Records of which a row was met.
    var records: Set<Fingerprint> = []
    /// Of the present row.
    var position: Int64?

    mutating func noteNew() {
        guard let position else { return }
        lowestNew = min(lowestNew ?? position, position)
    }

    mutating func refuse(_ record: Fingerprint) {
        let known = refused[record]
        if let known { refused[record] = .some(Self.lower(known, position)) } else { refused[record] = .some(position) }
    }

    private static func lower(_ first: Int64?, _ second: Int64?) -> Int64? {
        guard let first, let second else { return nil }
        return min(first, second)
    }
}

extension RecordLook {
    /// Whether a look between two sweeps does nothing for a record although it is not as its row says: Iterable has refused this
    /// content, or did not take it, and another attempt is the next sweep's.
    func leavesOut(_ record: Fingerprint, _ entry: RecordTable.Entry, _ content: Int64) -> Bool {
        guard isPartial else { return false }
        let isRefused = entry.marks.isSuperset(of: [.known, .rejected]) && entry.acknowledged == content
        return isRefused || memory.hasFailed(record, content) || memory.awaits(record, content, at: time)
    }
}

/// How a look of a stream differs from a run. Between two sweeps it counts a row once, and leaves to the next sweep what rows
/// decide that it does not read.
extension RecordDiff {
    /// Ends a reading: there is enough to send.
    struct Enough: Error {}

    /// Whether a row is of those that are read. A warehouse may give more than was asked for.
    func takes(_ cells: UnsafeBufferPointer<RecordCell>) -> Bool {
        guard let look else { return true }
        meetings.position = look.cursor.position(cells)
        guard let position = meetings.position else { return look.takesRowsWithoutPosition }
        if !look.window.contains(position) { return false }
        if look.window.isAhead(position) {
            meetings.ahead += 1
        } else {
            meetings.highest = max(meetings.highest ?? position, position)
        }
        return true
    }

    /// Whether a row that leaves no change is counted, and logged: a stream meets it again in each look.
    func isCounted(_ reason: FailureReason, _ parts: [[UInt8]]) -> Bool {
        guard let look else { return true }
        return look.counted.add(hash(reason.code, parts), at: nil) > 0
    }

    /// How many rows of a key that leave no change are counted.
    func counted(_ rows: Int, of key: String, _ reason: FailureReason) -> Int {
        guard let look, rows > 0 else { return rows }
        return look.counted.add(hash(reason.code, [Array(key.utf8)]), rows: rows, at: nil)
    }

    private func hash(_ code: String, _ parts: [[UInt8]]) -> UInt64 {
        let bytes = parts.reduce(Array(code.utf8)) { $0 + [0] + $1 }
        return bytes.withUnsafeBytes { fingerprinter.fingerprint(record: $0).high }
    }

    /// Notes that a row of a record was met, and whether the record waits for the next sweep.
    /// - Parameter names: of the identifiers of its person.
    func holdBack(_ record: Fingerprint, _ names: [Fingerprint], _ look: RecordLook) {
        guard look.isPartial else { return }
        meetings.records.insert(record)
        if look.memory.isOfAnother(names, than: record) || look.memory.mayHaveOtherRow(record, outside: look.window) {
            meetings.heldBack.insert(record)
        }
    }

    /// Leaves records to the next sweep of which an earlier look, or the last sweep, has met a row that is not older.
    func holdBackOlder(_ look: RecordLook) {
        for record in meetings.records {
            guard let newest = look.memory.newestRow(record), let found = standing(record) else { continue }
            if let rank = found.rank, rank > newest.rank {
                meetings.newer[record] = .init(content: found.content, rank: rank)
            } else if found.content != newest.content {
                meetings.heldBack.insert(record)
            }
        }
    }

    /// Leaves records to the next sweep of which a row cannot be sent that may lie where the reading has not come.
    func holdBackUndecided(_ look: RecordLook) {
        meetings.heldBack.formUnion(meetings.records.filter(look.memory.isDoubtful))
    }

    /// Of keys with several rows, the row that is sent, where a column tells that it is the newest.
    var newestRows: [Fingerprint: RecordMemory.NewestRow] {
        guard case .newest = rule else { return [:] }
        let chosen = contests.compactMapValues { contest -> RecordMemory.NewestRow? in
            guard let content = contest.winner(rule), let rank = contest.rank else { return nil }
            return .init(content: content, rank: rank)
        }
        return chosen.merging(meetings.newer) { $0.rank > $1.rank ? $0 : $1 }
    }

    /// What the rows of a key come to: the content that is sent, with its rank; nil: none is.
    func standing(_ record: Fingerprint) -> (content: Int64, rank: Int64?)? {
        if let contest = contests[record] { return contest.winner(rule).map { ($0, contest.rank) } }
        let entry = table[record]
        return entry.marks.contains(.seen) ? (entry.seen, entry.rank) : nil
    }

    /// Records that wait for the next sweep.
    var heldBack: Set<Fingerprint> { meetings.heldBack.union(persons?.sharing ?? []) }

    func endWhereEnough() throws {
        guard let look, look.isPartial, meetings.changes >= look.mostNew else { return }
        meetings.isCut = true
        throw Enough()
    }
}
