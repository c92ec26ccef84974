import RollcallCore

/// How people appear in `sync_log`: as they are, masked, or as a keyed hash that is the same in every run of the sync.
struct LogIdentity: Sendable {
    private let form: LogSettings.Identifiers
    private let hiding: IdentifierHiding

    init(_ form: LogSettings.Identifiers, key: [UInt8]) {
        self.form = form
        self.hiding = IdentifierHiding(form, key: key)
    }

    /// nil where the identity appears as it is.
    func of(_ identity: Identity) -> Identity? {
        if form == .plain { return nil }
        return Identity(email: identity.email.map { of($0) }, userID: identity.userID.map { of($0) })
    }

    /// nil where the key of a record appears as it is.
    func of(key: String) -> String? { form == .plain ? nil : of(key) }

    func of(_ record: ValidationRecord) -> ValidationRecord {
        if form == .plain { return record }
        var record = record
        record.email = record.email.map { Array(of(String(decoding: $0, as: UTF8.self)).utf8) }
        record.userID = record.userID.map { Array(of(String(decoding: $0, as: UTF8.self)).utf8) }
        record.recordKey = record.recordKey.map { Array(of(String(decoding: $0, as: UTF8.self)).utf8) }
        return record
    }

    func of(_ value: String) -> String { hiding.of(value) }

    static func mask(_ value: String) -> String { IdentifierHiding.mask(value) }
}
