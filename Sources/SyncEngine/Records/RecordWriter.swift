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
        case .people(let users, _, let project): record = profile(row, users.nested == .merge, project)
        }
        guard record.count <= largest else { throw RefusedRecord(reason: tooLarge(record.count)) }
        return record
    }

    /// Which identifier stands at the top and which is a field of the profile follows from the type of the project: see
    /// docs/users.md.
    private func profile(_ row: RowSubject, _ merges: Bool, _ project: ProjectType) -> [UInt8] {
        var object = Array("{".utf8)
        object.reserveCapacity(fields.count + 120)
        let emailIsField = project == .userID || (project == .hybrid && row.userID != nil)
        if let email = row.email, !emailIsField { Self.append("email", email, to: &object) }
        if let userID = row.userID { Self.append("userId", userID, to: &object) }
        object.append(contentsOf: "\"dataFields\":{".utf8)
        if let email = row.email, emailIsField {
            Self.append("email", email, to: &object)
            if fields.count == 2 { object.removeLast() }
        }
        object.append(contentsOf: fields.dropFirst())
        object.append(contentsOf: ",\"mergeNestedObjects\":\(merges)}".utf8)
        return object
    }

    /// A member with a comma behind it.
    private static func append(_ name: String, _ value: [UInt8], to object: inout [UInt8]) {
        object.append(contentsOf: "\"\(name)\":".utf8)
        value.withUnsafeBytes { JSONBytes.append(quoted: $0, to: &object) }
        object.append(UInt8(ascii: ","))
    }

    private func tooLarge(_ bytes: Int) -> FailureReason {
        switch shape.subject {
        case .items:
            FailureReason(
                code: "item_too_large", reason: "The item has \(bytes) bytes as JSON; Iterable takes \(largest).")
        case .people:
            FailureReason(
                code: "value_too_long",
                reason:
                    "The record has \(bytes) bytes as JSON; one request takes \(largest) (limits.bytes_per_request).")
        }
    }
}
