import Foundation
import RollcallCore
import Warehouse

/// A body that is to be kept.
enum ReceivedItem: Sendable, Equatable {
    case event(ReceivedEvent)
    /// An event whose id cannot be made yet, because the state's key was never read; of receivers that hide nothing.
    case body(UnreadBody)
    case reject(RejectedBody)
}

struct UnreadBody: Sendable, Equatable {
    var receiver: String
    var destination: String?
    var receivedAt: Date
    /// A JSON object, as received.
    var bytes: [UInt8]
}

/// What becomes durable together.
struct PendingGroup: Sendable, Equatable {
    var writer: String
    var sequence: Int64
    var items: [ReceivedItem] = []
    var counts: [ReceiverCount] = []

    /// The group as the warehouse takes it; nil while the key is not known and needed.
    func storable(_ maker: EventMaker?) -> ReceivedGroup? {
        var group = ReceivedGroup(writer: writer, sequence: sequence, counts: counts)
        for item in items {
            switch item {
            case .event(let event): group.events.append(event)
            case .reject(let reject): group.rejects.append(reject)
            case .body(let body):
                guard let maker else { return nil }
                // It was read once before.
                guard let read = try? ReceivedBody(body.bytes) else { continue }
                group.events.append(
                    maker.event(
                        read, receiver: body.receiver, destination: body.destination, receivedAt: body.receivedAt,
                        form: .plain))
            }
        }
        return group
    }

    /// How many bodies are in it.
    var bodies: Int { items.count }
}
