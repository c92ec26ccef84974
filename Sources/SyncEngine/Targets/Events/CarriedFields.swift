import Foundation
import RollcallCore
import Synchronization

/// Which fields the events of each name have had a value of, as far as Iterable took them: only these have a type there.
final class CarriedFields: Sendable {
    private let types: [RemoteField]
    /// How each field begins in an event's object: `"name":`. Of a part of an object only its own name is looked for.
    private let beginnings: [[UInt8]]
    /// Places in `types`, by names of events.
    private let carried = Mutex<[String: Set<Int>]>([:])

    init(_ types: [RemoteField]) {
        self.types = types
        beginnings = types.map { type in
            var bytes: [UInt8] = []
            JSONBytes.append(quoted: type.name.components(separatedBy: ".").last ?? type.name, to: &bytes)
            return bytes + [UInt8(ascii: ":")]
        }
    }

    func add(_ changes: [Change]) {
        if types.isEmpty { return }
        carried.withLock { carried in
            for change in changes {
                guard let event = change.event, let object = change.payload,
                    carried[event.name] != nil || carried.count < EventDiff.mostNames
                else { continue }
                var found = carried[event.name] ?? []
                if found.count < types.count {
                    for place in types.indices where !found.contains(place) && Self.has(object, beginnings[place]) {
                        found.insert(place)
                    }
                }
                carried[event.name] = found
            }
        }
    }

    /// The fields by the names of events, in the order of the names.
    var all: [(name: String, types: [RemoteField])] {
        carried.withLock { $0 }.sorted { $0.key < $1.key }.map { name, places in
            (name, places.sorted().map { types[$0] })
        }
    }

    private static func has(_ object: [UInt8], _ beginning: [UInt8]) -> Bool {
        guard let first = beginning.first, object.count >= beginning.count else { return false }
        return object.withUnsafeBytes { object in
            (0...object.count - beginning.count).contains {
                object[$0] == first && object[$0..<$0 + beginning.count].elementsEqual(beginning)
            }
        }
    }
}
