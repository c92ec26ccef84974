import Foundation
import RollcallCore
import Warehouse

/// Requests that may still land: what may be sent for whom already. The same write may be repeated at once, for it changes nothing
/// whichever comes last; any other write for the same person or record waits until the first can land no more.
struct InDoubtIndex: Sendable {
    /// What a request does to a record. Two are the same if they say the same of it.
    struct Write: Hashable {
        var operation: RollcallCore.Operation
        /// The hash of what is put; nil: members of lists who are sent without fields have no content.
        var content: Int64?
    }

    /// Whom or what a request is about.
    enum Subject {
        /// A person on a list: whoever shares an identifier is the same person.
        case person(Identity)
        /// A record that may be a person, who may have had another key before.
        case record(Fingerprint, Identity)
        /// An event: its person has others, which have nothing to do with it.
        case key(Fingerprint)

        fileprivate var keys: [Key] {
            switch self {
            case .person(let identity): SharedIdentifiers.keys(identity).map(Key.identifier)
            case .record(let fingerprint, let identity):
                [.record(fingerprint)] + SharedIdentifiers.keys(identity).map(Key.identifier)
            case .key(let fingerprint): [.record(fingerprint)]
            }
        }
    }

    fileprivate enum Key: Hashable {
        case identifier(String)
        case record(Fingerprint)
    }

    private var until: [Key: [Write: Date]] = [:]

    /// - Parameter latest: until when a request that is lost just now may land. None may land later: one that says so was
    ///   written down before the clock was set back.
    init(_ requests: [RequestInDoubt], latest: Date = .distantFuture) {
        for request in requests {
            let end = min(request.mayLandUntil, latest)
            // What is deleted has the content that it was last put with, which says nothing of the deletion.
            let content = request.operation.direction == .put ? request.content : nil
            let write = Write(operation: request.operation, content: content)
            for key in Self.subject(of: request).keys {
                let known = until[key]?[write]
                until[key, default: [:]][write] = max(known ?? end, end)
            }
        }
    }

    private static func subject(of request: RequestInDoubt) -> Subject {
        guard let fingerprint = request.fingerprint else { return .person(request.identity) }
        return request.operation == .track ? .key(fingerprint) : .record(fingerprint, request.identity)
    }

    /// When this may be sent; nil: at once.
    func notBefore(_ write: Write, for subject: Subject) -> Date? {
        if until.isEmpty { return nil }
        return subject.keys.flatMap { (until[$0] ?? [:]).filter { $0.key != write }.values }.max()
    }
}
