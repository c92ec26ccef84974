import RollcallCore
import Warehouse

/// What a sync of events, or a stream, may do that its author did not mean: for `check`.
extension SyncPipeline {
    package struct Advice: Sendable, Equatable {
        package var subject: String
        package var finding: String
        /// nil: there is nothing to do.
        package var fix: String?
        /// Whether the sync works, but less well than is meant.
        package var isWarning = false
    }

    /// Writes nothing. Of other kinds it says what there is to say of the cursor of a stream.
    /// - Parameter seconds: how long it looks at rows, at most.
    package func sourceAdvice(seconds: Double = 10) async throws -> [Advice] {
        guard case .events(let events) = sync.target else {
            return sync.stream == nil ? [] : [try await indexAdvice()].compactMap(\.self)
        }
        let before = [idAdvice(events), profileAdvice(events), try await indexAdvice()].compactMap(\.self)
        return before + (try await fieldAdvice(events, seconds))
    }

    private func idAdvice(_ events: EventSettings) -> Advice? {
        guard case .column(let column) = events.id else { return nil }
        return Advice(
            subject: "ids",
            finding: "the column \"\(column)\" gives the ids, and an id is unique among all custom events of a project,"
                + " whatever their names: an event with an id that is there replaces the one that has it",
            fix: "begin the ids with a word of this sync, as in 'order-' || id; or leave event.id out, and they are"
                + " made of the key",
            isWarning: true)
    }

    private func indexAdvice() async throws -> Advice? {
        guard let column = try await cursorColumn() else { return nil }
        let cost =
            sync.stream == nil
            ? "each run reads the whole table to find what is new"
            : "each look of the stream reads the whole table"
        switch try await warehouse.index(on: column, of: sync.audience) {
        case .exists: return nil
        case .missing(let statement):
            return Advice(
                subject: "cursor",
                finding: "no index of the table begins with the column \"\(column)\", so that \(cost)",
                fix: statement, isWarning: sync.stream != nil)
        case .unknown:
            return Advice(
                subject: "cursor",
                finding: "whether an index serves the column \"\(column)\" is not known of a view or a query;"
                    + " without one \(cost)")
        }
    }

    /// The column of the cursor as the source has it; nil: the sync has none, or the source has not.
    func cursorColumn() async throws -> String? {
        guard let cursor = sync.cursor else { return nil }
        return try await warehouse.columns(of: sync.audience)
            .first { $0.name.utf8.elementsEqual(cursor.column.utf8) }?.name
    }

    private func profileAdvice(_ events: EventSettings) -> Advice? {
        guard settings.projectType != .email, events.after == nil else { return nil }
        let users = neighbours.first {
            $0.kind == .users && $0.warehouse == sync.warehouse && $0.destination == sync.destination
        }
        return Advice(
            subject: "people",
            finding: "in a project of type \(settings.projectType.rawValue) Iterable makes a profile for each person of"
                + " an event that it does not know",
            fix: users.map {
                "write after: \($0.name), and events wait until that sync has had their people acknowledged"
            } ?? "let a sync of kind users send the people first, and name it under after",
            isWarning: true)
    }

    /// Rows after which ``sourceAdvice(seconds:)`` has seen enough.
    private static let adviceRows = 100_000

    /// What Iterable may make of new fields, of which the first value decides.
    private func fieldAdvice(_ events: EventSettings, _ seconds: Double) async throws -> [Advice] {
        guard let planner = (resolver as? EventsResolver)?.planner else { return [] }
        let shape = try await planner.shape()
        let looks = FieldLooks(shape, known: try await knownFields(events), most: Self.adviceRows)
        _ = try await within(seconds) { [warehouse, sync] in
            try await warehouse.readRecords(sync.audience, columns: shape.columns, parts: 1) { _, _, _, cells in
                if !looks.goesOn(after: cells) { throw Enough() }
            }
        }
        return [dateAdvice(looks.found(.string)), longAdvice(looks.found(.double))].compactMap(\.self)
    }

    private func dateAdvice(_ names: [String]) -> Advice? {
        guard let first = names.first else { return nil }
        let all = names.map { "\"\($0)\"" }.joined(separator: ", ")
        return Advice(
            subject: "fields",
            finding: "every text of \(all) looks like a date, so Iterable makes a date of the field, for ever, and"
                + " refuses texts that look otherwise",
            fix: "write fields: \(first): { column: ..., type: date } if they are dates; if not, make the field in"
                + " Iterable with a text that does not look like one",
            isWarning: true)
    }

    private func longAdvice(_ names: [String]) -> Advice? {
        guard let first = names.first else { return nil }
        let all = names.map { "\"\($0)\"" }.joined(separator: ", ")
        return Advice(
            subject: "fields",
            finding: "every number of \(all) is whole, so Iterable may make the field one of whole numbers, for ever,"
                + " and refuse fractions",
            fix: "write fields: \(first): { column: ..., type: long } if they are whole; if not, send an event with a"
                + " fraction first, or make the field in Iterable",
            isWarning: true)
    }

    /// Names of fields that events of the sync's name were sent with before: their types are there to stay.
    private func knownFields(_ events: EventSettings) async throws -> [String] {
        guard case .constant(let name) = events.name else { return [] }
        return try await warehouse.knownFields(destination: sync.destination, scope: EventSettings.scope(name))
            .map(\.name)
    }
}

/// Finds fields of which every value looks like one of another type: texts like dates, and decimal numbers like whole ones.
// SAFETY: one reading calls `goesOn` from one thread at a time, and what was found is looked at when it has ended.
private final class FieldLooks: @unchecked Sendable {
    private let layout: RecordLayout
    private let most: Int
    private var rows = 0
    /// Places of fields that have not shown their own type so far, and whether they have shown another.
    private var candidates: [Int: Bool] = [:]
    private let values: UnsafeMutableBufferPointer<FieldValue>

    /// - Parameter known: names of fields that are not looked at.
    init(_ shape: RecordShape, known: [String], most: Int) {
        layout = shape.layout
        self.most = most
        values = .allocate(capacity: max(1, layout.fields.count))
        values.initialize(repeating: .null)
        for (place, field) in layout.fields.enumerated() where !known.contains(field.name) {
            if field.type == .string || field.type == .double { candidates[place] = false }
        }
    }

    deinit { values.deallocate() }

    /// Names of fields of a type, in order.
    func found(_ type: FieldType) -> [String] {
        candidates.filter { $0.value }.keys.sorted().map { layout.fields[$0] }.filter { $0.type == type }.map(\.name)
    }

    /// Looks at a row; false: no further one is needed.
    func goesOn(after cells: UnsafeBufferPointer<RecordCell>) -> Bool {
        rows += 1
        if (try? layout.read(cells, into: values)) != nil {
            for place in candidates.keys where !values[place].isNull {
                guard let type = layout.fields[place].type else { continue }
                candidates[place] = values[place].shows(type) ? nil : true
            }
        }
        return rows < most && !candidates.isEmpty
    }
}
