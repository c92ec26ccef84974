import Foundation
import RollcallCore
import Warehouse

/// How the rows of a source become records: which columns are read, which cell is the key, how the fields are filled.
struct RecordShape: Sendable {
    let columns: RecordColumns
    let layout: RecordLayout
    /// Places among the cells.
    let keyCell: Int
    /// Of the column that says which of several rows with one key is the newest.
    let rankCell: Int?
    /// The fields with the types that they have in Iterable; arrays have none there, nor do they here.
    let types: [RemoteField]

    /// - Throws: `RunError` that names the key of the configuration, the column and what to do.
    init(_ catalog: CatalogSettings, _ found: [AudienceColumn]) throws {
        var builder = ShapeBuilder(found)
        keyCell = try builder.keyCell(catalog.key)
        rankCell = try builder.rankCell(catalog.duplicates)
        let settings = try builder.settings(catalog)
        let fields = try settings.map { try builder.field($0) }
        if fields.count > CatalogSettings.mostFields {
            throw RunError(
                code: "fields_limit",
                message: "the sync has \(fields.count) fields; a catalog has \(CatalogSettings.mostFields) at most",
                hint: "Name the fields under fields:, or leave columns out with except:.")
        }
        columns = RecordColumns(identifiers: IdentifierColumns(email: nil, userID: nil), fields: builder.cells)
        layout = RecordLayout(fields.map(\.field))
        types = fields.compactMap { field in
            field.type == .array ? nil : RemoteField(name: field.field.name, type: field.type.rawValue)
        }.sorted { $0.name < $1.name }
    }
}

/// Gathers the cells that a shape reads.
private struct ShapeBuilder {
    let found: [AudienceColumn]
    private(set) var cells: [String] = []

    init(_ found: [AudienceColumn]) { self.found = found }

    private var names: [ColumnResolver.Column] { found.map { ($0.name, $0.type, $0.canIdentify) } }

    private mutating func cell(_ name: String) -> Int {
        if let place = cells.firstIndex(where: { $0.utf8.elementsEqual(name.utf8) }) { return place }
        cells.append(name)
        return cells.count - 1
    }

    private func column(_ name: String, key: String, advice: String? = nil) throws -> AudienceColumn {
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

    /// The fields that the configuration asks for, `all` spelt out.
    func settings(_ catalog: CatalogSettings) throws -> [FieldSetting] {
        switch catalog.fields {
        case .only(let settings): return settings
        case .all(let except):
            for name in except { _ = try column(name, key: "except") }
            var used = except + [catalog.key]
            if case .newest(let name) = catalog.duplicates { used.append(name) }
            return found.map(\.name)
                .filter { name in !used.contains { $0.utf8.elementsEqual(name.utf8) } }
                .map { FieldSetting(name: $0, source: .column($0)) }
        }
    }

    mutating func field(_ setting: FieldSetting) throws -> (field: RecordField, type: FieldType) {
        if setting.name.isEmpty || setting.name.contains(".") {
            throw RunError(
                code: "field_name",
                message: "the field \"\(setting.name)\" has a dot in its name, or no name; catalogs take neither",
                hint: "Give the field another name under fields:, or the column with AS.")
        }
        do {
            switch setting.source {
            case .constant(let constant):
                let json = try constant.json(as: constant.type)
                return (RecordField(path: [setting.name], source: .constant, fallback: json), constant.type)
            case .point(let latitude, let longitude):
                return (try point(setting.name, latitude, longitude), .geoLocation)
            case .column(let name, let type, let zone):
                return try field(setting, try column(name, key: key(setting), advice: Self.constantAdvice), type, zone)
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

    private mutating func field(
        _ setting: FieldSetting, _ column: AudienceColumn, _ type: DeclaredType?, _ zone: String?
    ) throws -> (field: RecordField, type: FieldType) {
        let zone = zone.flatMap { TimeZone(identifier: $0) } ?? .gmt
        let conversion = try FieldConversion(column.family, as: type, zone: zone)
        let fallback = try setting.fallback?.json(as: conversion.type, zone: zone)
        return (
            RecordField(path: [setting.name], source: .cell(cell(column.name), conversion), fallback: fallback),
            conversion.type
        )
    }

    private mutating func point(_ name: String, _ latitude: String, _ longitude: String) throws -> RecordField {
        guard name.hasSuffix(FieldSetting.pointSuffix) else {
            throw RunError(
                code: "field_name", message: "the geo field \"\(name)\" does not end in \(FieldSetting.pointSuffix)",
                hint: "Iterable knows geo fields by that ending: call it \(name)\(FieldSetting.pointSuffix).")
        }
        let first = try column(latitude, key: "fields.\(name)")
        let second = try column(longitude, key: "fields.\(name)")
        _ = try FieldConversion(latitude: first.family, longitude: second.family)
        return RecordField(
            path: [name], source: .point(latitude: cell(first.name), longitude: cell(second.name)))
    }
}
