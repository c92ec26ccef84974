import RollcallCore
import Warehouse

extension SyncPipeline {
    /// In words: which columns carry the identifiers. Throws where they cannot.
    public func describeColumns() async throws -> String {
        let columns = try await planner.columns()
        let parts = [columns.email.map { "email from \($0)" }, columns.userID.map { "userId from \($0)" }]
        return parts.compactMap(\.self).joined(separator: ", ")
    }

    /// In words: the list, or that it will be made. Throws where a run would fail because of it.
    public func describeList() async throws -> String {
        let found = try await resolver.find()
        if let refusal = try await resolver.refusal(found) { throw refusal }
        guard let id = found.binding?.listID else {
            if case .name(let name, _) = sync.list { return "\"\(name)\" does not exist yet; the first run makes it" }
            throw ListResolver.gone(sync)
        }
        let lists = try await destination.lists()
        guard let list = lists.first(where: { $0.id == id }) else { throw ListResolver.gone(sync) }
        guard list.listType == "Standard" else {
            throw RunError(
                code: "list_type",
                message: "list \(id) \"\(list.name)\" is of type \(list.listType); only Standard lists can be kept",
                hint: "Choose a Standard list.")
        }
        return "\(id) \"\(list.name)\""
    }
}
