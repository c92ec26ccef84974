import RollcallCore
import Synchronization

extension SyncPipeline {
    /// How many of those whom the plan subscribes are on the list already, by Iterable's own account. Zero while the
    /// list does not exist. Takes 8 bytes a member of the list.
    package func countAlreadyOnList(_ plan: Plan) async throws -> Int {
        guard let list = plan.listID else { return 0 }
        let hash = SipHash(key: Fingerprint(high: clock.random(), low: clock.random()).bytes)
        @Sendable func code(_ identifier: String) -> UInt64 {
            var text = identifier
            return text.withUTF8 { hash.hash(UnsafeRawBufferPointer($0)).0 }
        }
        let onList = Mutex<Set<UInt64>>([])
        for preferUserID in settings.projectType == .hybrid ? [false, true] : [settings.projectType == .userID] {
            do throws(DestinationError) {
                try await destination.members(ofList: list, preferUserID: preferUserID) { identifier in
                    let isEmail = identifier.contains("@")
                    onList.withLock { _ = $0.insert(code(isEmail ? identifier.lowercased() : identifier)) }
                }
            } catch {
                throw error.error
            }
        }
        var count = 0
        try plan.forEachChange(limit: nil) { change in
            guard change.operation == .subscribe else { return }
            let codes = [change.identity.email, change.identity.userID].compactMap(\.self).map(code)
            if onList.withLock({ found in codes.contains(where: found.contains) }) { count += 1 }
        }
        return count
    }
}
