internal import RollcallCore

/// The keys of syncs whose records have fields.
enum RecordKeys {
    private static let list = RecordKind.list.rawValue
    private static let users = RecordKind.users.rawValue
    private static let events = RecordKind.events.rawValue
    private static let items = RecordKind.catalog.rawValue

    static let catalog = ConfigurationKey(
        "catalog", .section(CatalogKeys.section), "The catalog that is kept.", isRequired: true, variants: [items])
    static let key = ConfigurationKey(
        "key", .anyOf([.text(TextRule()), .texts(1...Int.max), .section(KeyColumnKeys.section)]),
        "Column that names a row for ever. Of catalogs its text is the item's id. Of users and events it may be a list "
            + "of columns; of users, left out, it is the column of the userId, else that of the email.",
        isRequired: true,
        example: .string("sku"), variants: [users, events, items],
        kinds: [
            users: columns, events: columns,
            items: .anyOf([.text(TextRule()), .section(KeyColumnKeys.section)]),
        ], optionalIn: [users])
    static let fields = ConfigurationKey(
        "fields", selection(of: FieldKeys.section),
        "The fields of a record, and the column that each is filled from; \"all\" takes every column that has no other use, "
            + "under its own name. Dots in the name of a field nest, but for catalogs. Of lists: what is written to the profile of "
            + "each member with the subscription. Lists and events may have no fields.",
        isRequired: true, variants: [list, users, events, items],
        kinds: [events: selection(of: FieldKeys.itemSection), items: selection(of: FieldKeys.itemSection)],
        optionalIn: [list, events])
    static let except = ConfigurationKey(
        "except", .texts(1...Int.max), "Beside fields: all: columns that are left out.",
        variants: [list, users, events, items])
    static let mode = ConfigurationKey(
        "mode", .choice(RecordMode.allCases.map(\.rawValue)),
        "upsert: records that Iterable does not have are made, and those whose rows are gone stay; update, of users only: people whom "
            + "Iterable does not know are left out; mirror, of catalogs only: items whose rows are gone are deleted, if this sync "
            + "put them there.",
        defaultValue: .string(RecordMode.upsert.rawValue), variants: [users, items],
        kinds: [
            users: .choice(UserSettings.Mode.allCases.map(\.rawValue)),
            items: .choice(CatalogSettings.Mode.allCases.map(\.rawValue)),
        ])
    static let documents = ConfigurationKey(
        "documents", .choice(CatalogSettings.Documents.allCases.map(\.rawValue)),
        "replace: an item has the fields of its row and no other; merge: fields that the sync does not fill stay. Must be "
            + "written out for a catalog that is there already.",
        variants: [items])
    static let duplicates = ConfigurationKey(
        "duplicates", .anyOf([.choice([refuse]), .section(DuplicateKeys.section)]),
        "Rows with one key and different fields. refuse: none of them is sent; { newest: column }: the one with the "
            + "greatest value in that column is.",
        defaultValue: .string(refuse), variants: [users, items])
    static let verify = ConfigurationKey(
        "verify", .section(VerifyKeys.section),
        "Reads some items back some time after Iterable accepted them, and puts those again once that are not as they were "
            + "put. Left out: none are read back.", variants: [items])
    static let nulls = ConfigurationKey(
        "nulls", .choice(NullRule.allCases.map(\.rawValue)),
        "What becomes of a field in Iterable where its column is NULL. clear: it is cleared if this sync has put a value "
            + "there; skip: it stays as it is; always: it is cleared, whoever wrote it. Fields may say otherwise.",
        defaultValue: .string(NullRule.clear.rawValue), variants: [list, users])
    static let nested = ConfigurationKey(
        "nested", .choice(UserSettings.Nested.allCases.map(\.rawValue)),
        "replace: an object in Iterable is what the row says, and no more; merge: its other members stay.",
        defaultValue: .string(UserSettings.Nested.replace.rawValue), variants: [users])
    static let newFields = ConfigurationKey(
        "new_fields", .choice(UserSettings.NewFields.allCases.map(\.rawValue)),
        "Fields that the project does not have. refuse: the run fails before anything is sent; create: they are made. "
            + "Left out: refuse for users, create for events.",
        example: .string(UserSettings.NewFields.create.rawValue), variants: [users, events])
    static let onLeave = ConfigurationKey(
        "on_leave", .choice(UserSettings.Leaving.allCases.map(\.rawValue)),
        "People whose rows are gone. keep: their profiles stay as they are; clear: what this sync has written there is "
            + "cleared; delete: the profiles are deleted.",
        defaultValue: .string(UserSettings.Leaving.keep.rawValue), variants: [users])
    static let identityChanges = ConfigurationKey(
        "identity_changes", .choice(UserSettings.IdentityChanges.allCases.map(\.rawValue)),
        "Rows that name another person under the same key. rename: in email projects the profile gets the new address; refuse: "
            + "the record fails, and nothing of it is sent.",
        defaultValue: .string(UserSettings.IdentityChanges.rename.rawValue), variants: [users])

    static let all = "all"
    static let refuse = "refuse"

    private static let columns = ValueKind.anyOf([.text(TextRule()), .texts(1...Int.max)])

    /// "all", or a mapping whose values are columns or sections of this kind.
    private static func selection(of section: ConfigurationSection) -> ValueKind {
        .anyOf([.choice([all]), .valuesByName(.anyOf([.text(TextRule()), .section(section)]))])
    }
}

/// What `mode` may say in syncs of any kind.
enum RecordMode: String, CaseIterable {
    case upsert
    case update
    case mirror
}

extension ConfigurationKey {
    /// The key as syncs of this kind have it.
    func narrowed(to kind: RecordKind) -> ConfigurationKey { narrowed(to: kind.rawValue) }
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

enum VerifyKeys {
    static let sample = ConfigurationKey(
        "sample", .integer(1...Int64(CatalogSettings.Verification.mostItems)),
        "How many of the items that a run puts are read back, and how many one run reads back, at most.",
        defaultValue: .integer(20))
    static let within = ConfigurationKey(
        "within", .span(minimum: 1),
        "How long Iterable has to carry out what it accepted: the first run after that reads it back.",
        defaultValue: .string("30m"))

    static let section = ConfigurationSection(keys: [sample, within])
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
    static let nulls = ConfigurationKey(
        "nulls", .choice(NullRule.allCases.map(\.rawValue)),
        "Of users and lists: what becomes of the field in Iterable where the column is NULL; left out: what the sync"
            + " says.")

    static let section = ConfigurationSection(keys: itemSection.keys + [nulls], exactlyOneOf: itemSection.exactlyOneOf)
    /// Without what fields of users and lists alone have.
    static let itemSection = ConfigurationSection(
        keys: [column, value, fallback, type, timeZone], exactlyOneOf: ["column", "value"])
}

enum DuplicateKeys {
    static let newest = ConfigurationKey(
        "newest", .text(TextRule()), "A date, timestamp or integer column.", isRequired: true,
        example: .string("updated_at"))

    static let section = ConfigurationSection(keys: [newest])
}
