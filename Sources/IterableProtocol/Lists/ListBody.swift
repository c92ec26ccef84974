package import RollcallCore

/// Writes the JSON of a subscribe or unsubscribe request, straight into bytes.
///
/// A subscribe carries every identifier that is known. An unsubscribe carries one, the userId where it is known, and
/// always `"channelUnsubscribe":false`: sources disagree on the default, and `true` would take the person off the whole
/// channel. Fields are written with `"mergeNestedObjects":false`: an object is what the row says, and no more.
package enum ListBody {
    /// Upper bound, in bytes, of everything in a body but its subscribers.
    package static let envelopeBytes = 128

    /// Upper bound, in bytes, of what one subscriber adds to a body, its comma included.
    /// - Parameter fields: bytes of the object of the fields; nil: there is none.
    package static func size(of identity: Identity, operation: Operation, fields: Int? = nil) -> Int {
        let sent = sent(identity, operation: operation)
        var size = 3
        if let email = sent.email { size += emailKey.utf8.count + 1 + JSONBytes.quotedSize(email) }
        if let userID = sent.userID {
            size += userIDKey.utf8.count + 1 + JSONBytes.quotedSize(userID)
            if operation == .subscribe { size += preferUserID.utf8.count }
        }
        if let fields, operation == .subscribe { size += fieldsKey.utf8.count + fields + fieldsEnd.utf8.count }
        return size
    }

    /// The identifiers of a person that a request names.
    package static func sent(_ identity: Identity, operation: Operation) -> Identity {
        guard operation == .unsubscribe, identity.userID != nil else { return identity }
        return Identity(email: nil, userID: identity.userID)
    }

    /// Appends the body of a request.
    package static func write(_ request: ListRequest, into bytes: inout [UInt8]) {
        append("{\"listId\":\(request.listID)", to: &bytes)
        switch request.operation.direction {
        case .put:
            if request.updateExistingUsersOnly { append(",\"updateExistingUsersOnly\":true", to: &bytes) }
        case .remove:
            append(",\"channelUnsubscribe\":false", to: &bytes)
        }
        append(",\"subscribers\":[", to: &bytes)
        for (position, subscriber) in request.subscribers.enumerated() {
            if position > 0 { append(",", to: &bytes) }
            let fields = position < request.fields.count ? request.fields[position] : nil
            write(subscriber, fields, of: request, into: &bytes)
        }
        append("]}", to: &bytes)
    }

    private static let emailKey = "\"email\":"
    private static let userIDKey = "\"userId\":"
    private static let preferUserID = ",\"preferUserId\":true"

    private static let fieldsKey = ",\"dataFields\":"
    private static let fieldsEnd = ",\"mergeNestedObjects\":false"

    private static func write(
        _ identity: Identity, _ fields: [UInt8]?, of request: ListRequest, into bytes: inout [UInt8]
    ) {
        let sent = sent(identity, operation: request.operation)
        append("{", to: &bytes)
        if let email = sent.email {
            append(emailKey, to: &bytes)
            JSONBytes.append(quoted: email, to: &bytes)
        }
        if let userID = sent.userID {
            if sent.email != nil { append(",", to: &bytes) }
            append(userIDKey, to: &bytes)
            JSONBytes.append(quoted: userID, to: &bytes)
            if request.operation == .subscribe && request.preferUserID { append(preferUserID, to: &bytes) }
        }
        if let fields, request.operation == .subscribe {
            append(fieldsKey, to: &bytes)
            bytes.append(contentsOf: fields)
            append(fieldsEnd, to: &bytes)
        }
        append("}", to: &bytes)
    }

    private static func append(_ text: String, to bytes: inout [UInt8]) {
        bytes.append(contentsOf: text.utf8)
    }
}
