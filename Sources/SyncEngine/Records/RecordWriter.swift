import RollcallCore

/// A row that cannot be sent, as a look into its texts and JSON tells.
struct RefusedRecord: Error {
    var reason: FailureReason
}

/// Writes records as the JSON that is sent: the document of an item, or the object of a person in a request of
/// `POST /api/users/bulkUpdate`. Used by one thread at a time.
final class RecordWriter {
    private let shape: RecordShape
    private let largest: Int
    private var fields: [UInt8] = []

    /// - Parameter largest: bytes that a record may have as JSON.
    init(_ shape: RecordShape, largest: Int) {
        self.shape = shape
        self.largest = largest
    }

    /// - Parameter nulls: units that are sent as null, as places in the layout.
    func write(
        _ values: UnsafeBufferPointer<FieldValue>, _ row: RowSubject, nulls: [Int]
    ) throws(RefusedRecord) -> [UInt8] {
        do throws(InvalidField) {
            try shape.layout.check(values)
        } catch {
            throw RefusedRecord(reason: error.reason)
        }
        fields.removeAll(keepingCapacity: true)
        shape.layout.write(values, nulls: { nulls.contains($0) }, to: &fields)
        let record: [UInt8]
        switch shape.subject {
        case .items: record = fields
        case .people(let users, _, let project): record = profile(row, users, project)
        case .events: record = fields
        }
        guard record.count <= largest else { throw RefusedRecord(reason: tooLarge(record.count)) }
        return record
    }

    /// Which identifier stands at the top and which is a field of the profile follows from the type of the project: see
    /// docs/users.md.
    private func profile(_ row: RowSubject, _ users: UserSettings, _ project: ProjectType) -> [UInt8] {
        ProfileObject.write(email: row.email, userID: row.userID, fields, users, project)
    }

    private func tooLarge(_ bytes: Int) -> FailureReason {
        switch shape.subject {
        case .items:
            FailureReason(
                code: "item_too_large", reason: "The item has \(bytes) bytes as JSON; Iterable takes \(largest).")
        case .people, .events:
            FailureReason(
                code: "value_too_long",
                reason:
                    "The record has \(bytes) bytes as JSON; one request takes \(largest) (limits.bytes_per_request).")
        }
    }
}

/// The object of one person in a request of `POST /api/users/bulkUpdate`.
enum ProfileObject {
    /// - Parameters:
    ///   - fields: a JSON object.
    ///   - project: by what Iterable finds people.
    ///   - withEmailField: whether an email that does not stand at the top is written as a field of the profile.
    static func write(
        email: [UInt8]?, userID: [UInt8]?, _ fields: [UInt8], _ users: UserSettings, _ project: ProjectType,
        withEmailField: Bool = true
    ) -> [UInt8] {
        var object = Array("{".utf8)
        object.reserveCapacity(fields.count + 120)
        let emailIsField = project == .userID || (project == .hybrid && userID != nil)
        if let email, !emailIsField { append("email", email, to: &object) }
        if let userID { append("userId", userID, to: &object) }
        object.append(contentsOf: "\"dataFields\":{".utf8)
        if let email, emailIsField, withEmailField {
            append("email", email, to: &object)
            if fields.count == 2 { object.removeLast() }
        }
        object.append(contentsOf: fields.dropFirst())
        object.append(contentsOf: ",\"mergeNestedObjects\":\(users.nested == .merge)".utf8)
        // Iterable makes no profile for a userId that it does not know, nor an address.
        if users.updatesByUserID { object.append(contentsOf: ",\"preferUserId\":false".utf8) }
        object.append(UInt8(ascii: "}"))
        return object
    }

    /// The same object with the address at the top and the userId as a field of the profile.
    /// - Parameter object: has the userId at the top, and the address as the first field.
    /// - Returns: nil for an object of another form.
    static func byEmail(_ object: [UInt8], _ identity: Identity) -> [UInt8]? {
        guard let email = identity.email, let userID = identity.userID else { return nil }
        func head(_ top: (String, String), _ field: (String, String)) -> [UInt8] {
            var head = Array("{".utf8)
            append(top.0, Array(top.1.utf8), to: &head)
            head.append(contentsOf: "\"dataFields\":{".utf8)
            append(field.0, Array(field.1.utf8), to: &head)
            // Without the comma, which stands only before a further field.
            head.removeLast()
            return head
        }
        let written = head(("userId", userID), ("email", email))
        guard object.starts(with: written) else { return nil }
        return head(("email", email), ("userId", userID)) + object.dropFirst(written.count)
    }

    /// A member with a comma behind it.
    private static func append(_ name: String, _ value: [UInt8], to object: inout [UInt8]) {
        object.append(contentsOf: "\"\(name)\":".utf8)
        value.withUnsafeBytes { JSONBytes.append(quoted: $0, to: &object) }
        object.append(UInt8(ascii: ","))
    }
}

extension RecordShape {
    /// The object that clears what a sync has written in a profile.
    /// - Parameters:
    ///   - held: the fields that it has given a value.
    ///   - names: of the places.
    func clearing(_ identity: Identity, _ held: FieldBits, _ names: [String]) -> [UInt8] {
        guard case .people(let users, _, let project) = subject else { return [] }
        let fields = names.indices.filter(held.contains).map { names[$0] }
        // Of an object and a part of it, as two settings of `nested` left them, the object goes.
        let outermost = fields.filter { field in !fields.contains { field.hasPrefix($0 + ".") } }
        let layout = RecordLayout(
            outermost.map { RecordField(path: UserSettings.path(of: $0), source: .constant) }, mergesNested: true)
        var object: [UInt8] = []
        withUnsafeTemporaryAllocation(of: FieldValue.self, capacity: layout.fields.count) { values in
            values.initialize(repeating: .null)
            layout.write(UnsafeBufferPointer(values), nulls: { _ in true }, to: &object)
        }
        return ProfileObject.write(
            email: identity.email.map { Array($0.utf8) }, userID: identity.userID.map { Array($0.utf8) }, object,
            users, project, withEmailField: false)
    }
}
