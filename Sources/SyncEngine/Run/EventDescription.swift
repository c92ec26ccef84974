import Foundation
import RollcallCore
import Warehouse

extension RecordShape {
    /// `plan (string)`, for each field.
    var fieldNames: [String] { layout.fields.map { "\($0.name) (\($0.type?.rawValue ?? "constant"))" } }
}

extension EventSettings {
    /// In words: which columns carry what.
    func description(of shape: RecordShape) -> String {
        let identifiers = shape.columns.identifiers
        var columns: [(String, String?)] = [("email", identifiers.email), ("userId", identifiers.userID)]
        if case .column(let column) = name { columns.append(("name", column)) }
        if case .column(let column) = id { columns.append(("id", column)) }
        columns += [
            ("time", createdAt?.column), ("campaign", campaignID?.column), ("template", templateID?.column),
            ("cursor", cursor?.column),
        ]
        let parts = columns.compactMap { what, column in column.map { "\(what) from \($0)" } }
        let fields = shape.fieldNames
        return (["key from \(key.joined(separator: ", "))"] + parts).joined(separator: ", ")
            + (fields.isEmpty ? "; no fields" : "; fields \(fields.joined(separator: ", "))")
    }
}

extension FoundEvents {
    /// For `check`: what is sent, under which ids, and where a run begins to read.
    var description: String { "\(events), \(ids); \(reading)" }

    private var settings: EventSettings { resolver.settings }

    private var events: String {
        switch settings.name {
        case .constant(let name): return "events \"\(name)\""
        case .column(let column):
            let names = settings.names.map { ", of them \($0.joined(separator: ", "))" } ?? ""
            return "events named by the column \"\(column)\"\(names)"
        }
    }

    private var ids: String {
        switch settings.id {
        case .derived: "ids made of the key in the namespace \"\(settings.namespace)\""
        case .column(let column): "ids from the column \"\(column)\""
        }
    }

    private var reading: String {
        guard let cursor else { return "the first run sends \(firstEvents) (start)" }
        if settings.cursor == nil { return "each run reads the whole source" }
        return cursor.watermark.map { "read up to \(cursor.text(of: $0))" } ?? "nothing was read yet"
    }

    private var firstEvents: String {
        switch settings.start {
        case .now: "none of those that are there"
        case .all: "all that are there"
        case .time(let time): "those since \(time.iso8601)"
        case .last(let seconds): "those of the last \(DisplayText.duration(Double(seconds)))"
        }
    }
}
