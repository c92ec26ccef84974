import RollcallCore
import Warehouse

/// Where the parts of an event are among the cells of a row.
struct EventCells: Sendable {
    let key: [Int]
    let keyFamilies: [ColumnFamily]
    /// nil: all events have one name.
    let name: Int?
    /// nil: ids are derived.
    let id: Int?
    let createdAt: Int?
    let campaign: Int?
    let template: Int?
    let cursor: Int?
    /// Of the cursor's column; nil: there is none.
    let cursorFamily: ColumnFamily?

    /// Whether positions are times.
    var isTime: Bool { cursorFamily.map { $0 != .long } ?? false }

    /// - Throws: `RunError` that names the key of the configuration, the column and what to do.
    init(_ settings: EventSettings, _ builder: inout ShapeBuilder) throws {
        var families: [ColumnFamily] = []
        key = try settings.key.map { name in
            let column = try builder.column(name, key: "key")
            try Self.check(column, "key", "part of a key") {
                switch $0 {
                case .long, .number, .decimal, .boolean, .date, .timestamp, .localTimestamp, .text, .undeclared: true
                case .json, .array, .unsupported: false
                }
            }
            try Self.refuseFloating(column)
            families.append(column.family)
            return builder.cell(column.name)
        }
        keyFamilies = families
        name =
            if case .column(let name) = settings.name { try Self.text(name, "event.name", &builder) } else { nil }
        id = if case .column(let name) = settings.id { try Self.text(name, "event.id", &builder) } else { nil }
        createdAt = try settings.createdAt.map { try Self.time($0, &builder) }
        campaign = try Self.number(settings.campaignID, "event.campaign_id", &builder)
        template = try Self.number(settings.templateID, "event.template_id", &builder)
        (cursor, cursorFamily) = try Self.cursor(settings.cursor, &builder)
        try checkStart(settings)
    }

    private static func check(
        _ column: AudienceColumn, _ key: String, _ use: String, _ fits: (ColumnFamily) -> Bool
    ) throws {
        if fits(column.family) { return }
        throw RunError(
            code: "column_type",
            message: "column \"\(column.name)\" has the type \(column.type), which cannot be \(use) (\(key))",
            hint: "Name another column, or cast it in the query.")
    }

    /// Floating point numbers name nothing: equal ones may have several texts.
    private static func refuseFloating(_ column: AudienceColumn) throws {
        let words = ["real", "floa", "doub"]
        guard column.family == .decimal, words.contains(where: column.type.lowercased().contains) else { return }
        throw RunError(
            code: "column_type",
            message: "column \"\(column.name)\" has the type \(column.type), of floating point numbers, which cannot be"
                + " part of a key (key)",
            hint: "Name another column, or cast it to text or numeric in the query.")
    }

    private static func text(_ name: String, _ key: String, _ builder: inout ShapeBuilder) throws -> Int {
        let advice = key == "event.name" ? "Correct the name; a constant is written { value: ... }." : nil
        let column = try builder.column(name, key: key, advice: advice)
        try check(column, key, key == "event.name" ? "the name of events" : "the id of events") {
            $0 == .text || $0 == .undeclared || ($0 == .long && key == "event.id")
        }
        return builder.cell(column.name)
    }

    private static func time(_ time: EventSettings.Time, _ builder: inout ShapeBuilder) throws -> Int {
        let column = try builder.column(time.column, key: "event.created_at")
        if column.family == .long, time.unit == nil {
            throw RunError(
                code: "column_type",
                message: "column \"\(column.name)\" has whole numbers, which say a time only with their unit"
                    + " (event.created_at)",
                hint: "Write created_at: { column: \(column.name), unit: s }, or unit: ms.")
        }
        if column.family != .long, column.family != .undeclared, time.unit != nil {
            throw RunError(
                code: "column_type",
                message: "event.created_at has a unit, and column \"\(column.name)\" has the type \(column.type)",
                hint: "Leave unit out: it belongs to columns with whole numbers.")
        }
        try check(column, "event.created_at", "a time") {
            switch $0 {
            case .date, .timestamp, .localTimestamp, .text, .undeclared, .long: true
            default: false
            }
        }
        return builder.cell(column.name)
    }

    private static func number(
        _ number: EventSettings.Number?, _ key: String, _ builder: inout ShapeBuilder
    ) throws -> Int? {
        guard let name = number?.column else { return nil }
        let column = try builder.column(
            name, key: key, advice: "Correct the name; a constant is written { value: ... }.")
        try check(column, key, "a whole number") { $0 == .long || $0 == .number || $0 == .undeclared }
        return builder.cell(column.name)
    }

    static func cursor(
        _ cursor: EventSettings.Cursor?, _ builder: inout ShapeBuilder
    ) throws -> (Int?, ColumnFamily?) {
        guard let cursor else { return (nil, nil) }
        let column = try builder.column(cursor.column, key: "cursor.column")
        try check(column, "cursor.column", "a cursor") {
            switch $0 {
            case .long, .date, .timestamp, .localTimestamp, .text, .undeclared: true
            default: false
            }
        }
        let isTime = column.family != .long
        switch cursor.overlap {
        case .seconds?:
            if !isTime { throw overlap(column, "a number of steps, for example overlap: 10000") }
        case .steps?:
            if isTime { throw overlap(column, "a span of time, for example overlap: 15m") }
        case nil: break
        }
        return (builder.cell(column.name), column.family)
    }

    private static func overlap(_ column: AudienceColumn, _ wanted: String) -> RunError {
        RunError(
            code: "cursor_overlap",
            message: "cursor.overlap does not fit column \"\(column.name)\", which has the type \(column.type)",
            hint: "Write \(wanted).")
    }

    private func checkStart(_ settings: EventSettings) throws {
        switch settings.start {
        case .now, .all: return
        case .time, .last: break
        }
        if createdAt != nil || isTime { return }
        throw RunError(
            code: "start_without_time",
            message:
                "start names a time, and the rows have none: event.created_at is not given, and the cursor is no time",
            hint: "Give event.created_at, or write start: now or start: all.")
    }
}

extension EventSettings {
    /// The columns that have another use than that of a field.
    var columns: [String] {
        var columns = key
        if case .column(let column) = name { columns.append(column) }
        if case .column(let column) = id { columns.append(column) }
        columns += [createdAt?.column, campaignID?.column, templateID?.column, cursor?.column].compactMap(\.self)
        return columns
    }
}
