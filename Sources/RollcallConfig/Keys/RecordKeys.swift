internal import RollcallCore

/// The keys of syncs whose records have fields.
enum RecordKeys {
    static let catalog = ConfigurationKey(
        "catalog", .section(CatalogKeys.section), "The catalog that is kept.", isRequired: true,
        variants: [RecordKind.catalog.rawValue])
    static let key = ConfigurationKey(
        "key", .anyOf([.text(TextRule()), .section(KeyColumnKeys.section)]),
        "Column that names a row for ever; its text is the item's id.", isRequired: true,
        example: .string("sku"), variants: [RecordKind.catalog.rawValue])
    static let fields = ConfigurationKey(
        "fields", .anyOf([.choice([all]), .valuesByName(.anyOf([.text(TextRule()), .section(FieldKeys.section)]))]),
        "The fields of a record, and the column that each is filled from; \"all\" takes every column that has no other use, "
            + "under its own name.", isRequired: true, variants: [RecordKind.catalog.rawValue])
    static let except = ConfigurationKey(
        "except", .texts(1...Int.max), "Beside fields: all: columns that are left out.",
        variants: [RecordKind.catalog.rawValue])
    static let mode = ConfigurationKey(
        "mode", .choice(CatalogSettings.Mode.allCases.map(\.rawValue)),
        "upsert: items whose rows are gone stay; mirror: they are deleted, if this sync put them there.",
        defaultValue: .string("upsert"), variants: [RecordKind.catalog.rawValue])
    static let documents = ConfigurationKey(
        "documents", .choice(CatalogSettings.Documents.allCases.map(\.rawValue)),
        "replace: an item has the fields of its row and no other. Must be written out for a catalog that is there already.",
        variants: [RecordKind.catalog.rawValue])
    static let duplicates = ConfigurationKey(
        "duplicates", .anyOf([.choice([refuse]), .section(DuplicateKeys.section)]),
        "Rows with one key and different fields. refuse: none of them is sent; { newest: column }: the one with the "
            + "greatest value in that column is.",
        defaultValue: .string(refuse), variants: [RecordKind.catalog.rawValue])

    static let all = "all"
    static let refuse = "refuse"
}

enum CatalogKeys {
    static let name = ConfigurationKey(
        "name", .text(TextRule(pattern: "^[A-Za-z0-9-]{1,255}$")),
        "Name of the catalog: letters, digits and hyphens. It can never be changed.", isRequired: true,
        example: .string("products"))
    static let create = ConfigurationKey(
        "create", .boolean, "true: the first run makes the catalog where the project has none of this name.",
        defaultValue: .boolean(false))

    static let section = ConfigurationSection(keys: [name, create])
}

enum KeyColumnKeys {
    static let column = ConfigurationKey(
        "column", .text(TextRule()), "The column.", isRequired: true, example: .string("sku"))
    static let encode = ConfigurationKey(
        "encode", .boolean,
        "true: characters that Iterable does not take in an item's id are sent as a hyphen and two hexadecimal digits.",
        defaultValue: .boolean(false))

    static let section = ConfigurationSection(keys: [column, encode])
}

enum FieldKeys {
    static let column = ConfigurationKey(
        "column", .anyOf([.text(TextRule()), .texts(2...2)]),
        "The column that fills the field; for a geo field two, latitude and longitude.", example: .string("price"))
    static let value = ConfigurationKey("value", .constant, "A constant, the same for every record.")
    static let fallback = ConfigurationKey("default", .constant, "What is sent where the column is NULL.")
    static let type = ConfigurationKey(
        "type", .choice(DeclaredType.allCases.map(\.rawValue)),
        "What the column is cast to; left out: the type of the column.")
    static let timeZone = ConfigurationKey(
        "time_zone", .text(TextRule()), "Time zone of a column or text that knows none.",
        defaultValue: .string("UTC"), example: .string("Europe/Berlin"))

    static let section = ConfigurationSection(
        keys: [column, value, fallback, type, timeZone], exactlyOneOf: ["column", "value"])
}

enum DuplicateKeys {
    static let newest = ConfigurationKey(
        "newest", .text(TextRule()), "A date, timestamp or integer column.", isRequired: true,
        example: .string("updated_at"))

    static let section = ConfigurationSection(keys: [newest])
}
