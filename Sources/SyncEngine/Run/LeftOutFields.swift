import RollcallCore
import Warehouse

extension RunContext {
    /// Of fields that Iterable has left out, those that are to be said. Members of JSON columns are said once for each sync, and
    /// again by a full run: data that only grows would else fail every run.
    func newsOfLeftOut(_ names: Set<String>, isFull: Bool) async -> Set<String> {
        let members = names.filter { $0.contains(".") }
        if members.isEmpty { return names }
        let scope = "dropped:\(sync.name)"
        do {
            let known = Set(
                try await warehouse.knownFields(destination: sync.destination, scope: scope).map(\.name))
            let new = members.subtracting(known)
            let fields = new.sorted().map { KnownField(name: $0, type: "dropped", createdByRun: runID) }
            if !fields.isEmpty {
                try await warehouse.noteFields(lease, destination: sync.destination, scope: scope, fields)
            }
            return isFull ? names : names.subtracting(members).union(new)
        } catch {
            // What cannot be noted is said by the next run again.
            return names
        }
    }
}
