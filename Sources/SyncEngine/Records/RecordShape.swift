import Foundation
import RollcallCore
import Warehouse

/// How the rows of a source become records: which columns are read, which cells are the key, how the fields are filled.
struct RecordShape: Sendable {
    let subject: RecordSubject
    let columns: RecordColumns
    let layout: RecordLayout
    /// Places among the cells; empty: an identifier is the key.
    let keyCells: [Int]
    /// Without cells of a key: whether it is the userId, and not the email.
    let keyIsUserID: Bool
    /// Of the column that says which of several rows with one key is the newest.
    let rankCell: Int?
    /// The fields with the types that they have in Iterable.
    let types: [RemoteField]
    /// Of users: what becomes of fields without a value. nil: nothing.
    var nulls: NullPolicy?
    /// Of events: the cells that are no fields.
    var events: EventCells?
    /// Of users and catalogs: where a row stands in a stream; nil: the sync names no column for that.
    private(set) var cursor: CursorCell?

    /// - Throws: `RunError` that names the key of the configuration, the column and what to do.
    init(_ subject: RecordSubject, _ found: [AudienceColumn]) throws {
        self.subject = subject
        var builder = ShapeBuilder(found)
        let identifiers: IdentifierColumns
        switch subject {
        case .items(let catalog):
            identifiers = IdentifierColumns(email: nil, userID: nil)
            keyCells = [try builder.keyCell(catalog.key)]
            cursor = try CursorCell(catalog.cursor, &builder)
        case .people(let users, let mapping, let project):
            identifiers = try builder.identifiers(mapping, project)
            keyCells = try users.key.map { try builder.keyCell($0) }
            cursor = try CursorCell(users.cursor, &builder)
        case .events(let settings, let mapping, let project):
            identifiers = try builder.identifiers(mapping, project)
            let cells = try EventCells(settings, &builder)
            (keyCells, events) = (cells.key, cells)
        }
        keyIsUserID = identifiers.userID != nil
        rankCell = try builder.rankCell(subject.duplicates)
        let fields = try builder.settings(subject, identifiers).map { try builder.field($0, subject) }
        try ShapeBuilder.checkNames(fields.map(\.field), subject)
        columns = RecordColumns(identifiers: identifiers, fields: builder.cells)
        if case .people(let users, _, _) = subject {
            layout = RecordLayout(fields.map(\.field), mergesNested: users.nested == .merge)
            nulls = Self.nulls(layout, fields, users.nulls)
        } else {
            layout = RecordLayout(fields.map(\.field))
            if case .items(let catalog) = subject, catalog.documents == .merge {
                nulls = NullPolicy(layout, places: []) { _ in .clear }
            }
        }
        types = Self.types(fields)
    }

    /// The fields that are sent with the members of a list. They are those of profiles, and their rules are those of users.
    /// - Throws: as ``init(_:_:)``.
    init(_ settings: MemberFieldSettings, _ identifiers: IdentifierColumns, _ found: [AudienceColumn]) throws {
        let mapping = ColumnMapping(email: identifiers.email, userID: identifiers.userID)
        subject = .people(settings.ofUsers, mapping: mapping, project: .hybrid)
        (keyCells, keyIsUserID, rankCell) = ([], identifiers.userID != nil, nil)
        var builder = ShapeBuilder(found)
        let fields = try builder.settings(subject, identifiers).map { [subject] in try builder.field($0, subject) }
        if fields.isEmpty { throw ShapeBuilder.noFields }
        try ShapeBuilder.checkNames(fields.map(\.field), subject)
        columns = RecordColumns(identifiers: identifiers, fields: builder.cells)
        layout = RecordLayout(fields.map(\.field))
        nulls = Self.nulls(layout, fields, settings.nulls)
        types = Self.types(fields)
    }

    private static func nulls(_ layout: RecordLayout, _ fields: [ShapedField], _ usual: NullRule) -> NullPolicy {
        let rules = Dictionary(
            fields.map { (Array($0.field.name.utf8), $0.nulls ?? usual) }, uniquingKeysWith: { first, _ in first })
        return NullPolicy(layout, places: []) { rules[Array($0.utf8)] ?? usual }
    }

    private static func types(_ fields: [ShapedField]) -> [RemoteField] {
        fields.compactMap { field in
            // Arrays have no type in a catalog.
            field.type == .array ? nil : RemoteField(name: field.field.name, type: field.type.rawValue)
        }.sorted { $0.name < $1.name }
    }

    /// What becomes of a row: the columns of the identifiers, and of each field its columns and how its value is made of them. The
    /// same text in every process, whatever other columns are read.
    var mapping: String {
        let fields = layout.fields.map { field in
            let source =
                switch field.source {
                case .cell(let cell, let conversion): [columns.fields[cell], "\(conversion)"]
                case .point(let latitude, let longitude): [columns.fields[latitude], columns.fields[longitude]]
                case .constant: [String]()
                }
            return "\([field.name] + source + [field.fallback.map { String(decoding: $0, as: UTF8.self) } ?? ""])"
        }
        return (["\([columns.identifiers.email ?? "", columns.identifiers.userID ?? ""])"] + fields)
            .joined(separator: "\n")
    }

    /// `plan (string)`.
    func description(ofField index: Int) -> String {
        let name = layout.fields[index].name
        let type = types.first { $0.name.utf8.elementsEqual(name.utf8) }?.type
        return type.map { "\(name) (\($0))" } ?? name
    }

    /// The shape with the places of the sync's fields; names that have none get the next ones.
    func placed(_ names: [String]) -> RecordShape {
        var shape = self
        shape.nulls = nulls?.placed(names, layout)
        return shape
    }
}

/// The cell by which a stream of users or of a catalog finds rows that are new or have changed.
struct CursorCell: Sendable {
    let column: String
    let place: Int
    let family: ColumnFamily

    /// Whether positions are times.
    var isTime: Bool { family != .long }

    /// - Returns: nil where there is no cursor.
    /// - Throws: `RunError` that names the key of the configuration, the column and what to do.
    init?(_ cursor: EventSettings.Cursor?, _ builder: inout ShapeBuilder) throws {
        guard let cursor else { return nil }
        guard case let (place?, family?) = try EventCells.cursor(cursor, &builder) else { return nil }
        (self.place, self.family, column) = (place, family, builder.cells[place])
    }

    /// Where a row stands; nil: NULL, or a value that is no position.
    func position(_ row: UnsafeBufferPointer<RecordCell>) -> Int64? { EventRow.moment(row[place], isTime: isTime) }
}

/// A field with what the configuration and its column say of it.
struct ShapedField {
    var field: RecordField
    /// In Iterable; ``FieldType/array`` for one of a catalog that holds an array.
    var type: FieldType
    var nulls: NullRule?
}

/// Gathers the cells that a shape reads.
struct ShapeBuilder {
    let found: [AudienceColumn]
    private(set) var cells: [String] = []

    init(_ found: [AudienceColumn]) { self.found = found }

    private var names: [ColumnResolver.Column] { found.map { ($0.name, $0.type, $0.canIdentify) } }

    mutating func cell(_ name: String) -> Int {
        if let place = cells.firstIndex(where: { $0.utf8.elementsEqual(name.utf8) }) { return place }
        cells.append(name)
        return cells.count - 1
    }

    func column(_ name: String, key: String, advice: String? = nil) throws -> AudienceColumn {
        let name = try ColumnResolver.require(name, key: key, of: "source", in: names, advice: advice)
        guard let column = found.first(where: { $0.name.utf8.elementsEqual(name.utf8) }) else {
            throw RunError(code: "column_missing", message: "the source has no column \"\(name)\" (\(key))")
        }
        return column
    }

    mutating func keyCell(_ name: String) throws -> Int {
        let column = try column(name, key: "key")
        try ColumnResolver.checkType(column.name, names)
        return cell(column.name)
    }

    mutating func rankCell(_ rule: DuplicateRule) throws -> Int? {
        guard case .newest(let name) = rule else { return nil }
        let column = try column(name, key: "duplicates.newest")
        switch column.family {
        case .long, .date, .timestamp, .localTimestamp, .text, .undeclared: return cell(column.name)
        default:
            throw RunError(
                code: "column_type",
                message:
                    "column \"\(column.name)\" has the type \(column.type), which does not say which row is the newest",
                hint: "Name a date, timestamp or integer column under duplicates.newest.")
        }
    }

    /// The columns that identify people.
    func identifiers(_ mapping: ColumnMapping, _ project: ProjectType) throws -> IdentifierColumns {
        let columns = try ColumnResolver.resolve(
            mapping, projectType: project, placeholderEmails: false, of: "source", columns: names)
        return IdentifierColumns(email: columns.email, userID: columns.userID)
    }

    /// The fields that the configuration asks for, `all` spelt out.
    func settings(_ subject: RecordSubject, _ identifiers: IdentifierColumns) throws -> [FieldSetting] {
        switch subject.fields {
        case .only(let settings): return settings
        case .all(let except):
            for name in except { _ = try column(name, key: "except") }
            var used = except + [identifiers.email, identifiers.userID].compactMap(\.self)
            switch subject {
            case .items(let catalog): used += [catalog.key, catalog.cursor?.column].compactMap(\.self)
            case .people(let users, _, _): used += users.key + [users.cursor?.column].compactMap(\.self)
            case .events(let events, _, _): used += events.columns
            }
            if case .newest(let name) = subject.duplicates { used.append(name) }
            return found.map(\.name)
                .filter { name in !used.contains { $0.utf8.elementsEqual(name.utf8) } }
                .map { FieldSetting(name: $0, source: .column($0)) }
        }
    }

    mutating func field(_ setting: FieldSetting, _ subject: RecordSubject) throws -> ShapedField {
        let path = try Self.path(setting.name, subject)
        do {
            switch setting.source {
            case .constant(let constant):
                let json = try constant.json(as: constant.type)
                return ShapedField(
                    field: RecordField(path: path, source: .constant, fallback: json), type: constant.type,
                    nulls: setting.nulls)
            case .point(let latitude, let longitude):
                return ShapedField(
                    field: try point(setting.name, path, latitude, longitude), type: .geoLocation, nulls: setting.nulls)
            case .column(let name, let type, let zone):
                let column = try column(name, key: key(setting), advice: Self.constantAdvice)
                return try field(setting, path, column, type, zone, subject)
            }
        } catch let refusal as FieldConversion.Refusal {
            throw RunError(
                code: "column_type", message: "the field \"\(setting.name)\" cannot be filled: \(refusal.reason)",
                hint: refusal.hint)
        } catch let problem as FieldProblem {
            throw RunError(
                code: "field_constant",
                message: "the constant of the field \"\(setting.name)\" cannot be sent: \(problem.clause)",
                hint: "Write a constant of the field's type.")
        }
    }

    private static let constantAdvice = "Correct the name; a constant is written { value: ... }."

    private func key(_ setting: FieldSetting) -> String { "fields.\(setting.name)" }

    /// A name taken apart at its dots, where the kind of record has objects.
    private static func path(_ name: String, _ subject: RecordSubject) throws -> [String] {
        switch subject {
        case .items:
            if !name.isEmpty && !name.contains(".") { return [name] }
            throw RunError(
                code: "field_name",
                message: "the field \"\(name)\" has a dot in its name, or no name; catalogs take neither",
                hint: "Give the field another name under fields:, or the column with AS.")
        case .events:
            let path = UserSettings.path(of: name)
            if !path.contains("") { return path }
            throw emptyPart(name)
        case .people:
            let path = UserSettings.path(of: name)
            if ["email", "userId"].contains(path[0]) {
                throw RunError(
                    code: "reserved_field", message: "the field \"\(name)\" is an identifier, which the mapping sends",
                    hint:
                        "Name the column under mapping: if it is the identifier; or leave it out with except:, or give the"
                        + " field another name under fields:.")
            }
            if UserSettings.managedFields.contains(path[0]) {
                throw RunError(
                    code: "reserved_field", message: "the field \"\(name)\" is one that Iterable keeps itself",
                    hint: "Leave the column out with except:, or give the field another name under fields:.")
            }
            if !path.contains("") { return path }
            throw emptyPart(name)
        }
    }

    static let noFields = RunError(
        code: "field_name", message: "the audience has no column for a field beside the identifiers",
        hint: "Take fields: all out, or add columns to the query.")

    private static func emptyPart(_ name: String) -> RunError {
        RunError(
            code: "field_name", message: "the field \"\(name)\" has an empty part in its name",
            hint: "Give the field another name under fields:, or the column with AS.")
    }

    /// What the names of all fields together must be.
    static func checkNames(_ fields: [RecordField], _ subject: RecordSubject) throws {
        let (most, whole) =
            switch subject.kind {
            case .catalog: (CatalogSettings.mostFields, "a catalog")
            case .events: (EventSettings.mostFields, "an event")
            default: (UserSettings.mostFields, "a project")
            }
        if fields.count > most {
            throw RunError(
                code: "fields_limit",
                message: "the sync has \(fields.count) fields; \(whole) has \(most) at most",
                hint: "Name the fields under fields:, or leave columns out with except:.")
        }
        let names = Set(fields.map { $0.path.map { Array($0.utf8) } })
        for field in fields {
            for length in 1..<max(1, field.path.count)
            where names.contains(field.path[..<length].map { Array($0.utf8) }) {
                throw RunError(
                    code: "field_name",
                    message: "the field \"\(field.path[..<length].joined(separator: "."))\" has a value, and"
                        + " \"\(field.name)\" is a part of it",
                    hint: "Give one of them another name.")
            }
        }
    }

    private mutating func field(
        _ setting: FieldSetting, _ path: [String], _ column: AudienceColumn, _ type: DeclaredType?, _ zone: String?,
        _ subject: RecordSubject
    ) throws -> ShapedField {
        let zone = zone.flatMap { TimeZone(identifier: $0) } ?? .gmt
        let conversion = try FieldConversion(column.family, as: type, zone: zone)
        let fallback = try setting.fallback?.json(as: conversion.type, zone: zone)
        var remote = conversion.type
        // A field of a profile or an event has the type of the elements of its arrays.
        if case .array(let element) = column.family, remote == .array, subject.kind != .catalog {
            remote = try FieldConversion(element, as: nil).type
        }
        return ShapedField(
            field: RecordField(path: path, source: .cell(cell(column.name), conversion), fallback: fallback),
            type: remote, nulls: setting.nulls)
    }

    private mutating func point(
        _ name: String, _ path: [String], _ latitude: String, _ longitude: String
    ) throws -> RecordField {
        guard name.hasSuffix(FieldSetting.pointSuffix) else {
            throw RunError(
                code: "field_name", message: "the geo field \"\(name)\" does not end in \(FieldSetting.pointSuffix)",
                hint: "Iterable knows geo fields by that ending: call it \(name)\(FieldSetting.pointSuffix).")
        }
        let first = try column(latitude, key: "fields.\(name)")
        let second = try column(longitude, key: "fields.\(name)")
        _ = try FieldConversion(latitude: first.family, longitude: second.family)
        return RecordField(
            path: path, source: .point(latitude: cell(first.name), longitude: cell(second.name)))
    }
}
