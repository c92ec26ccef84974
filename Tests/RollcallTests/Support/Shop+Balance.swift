import Testing

extension Shop {
    /// Every run has ended, and what it planned has an outcome; no outbox is left.
    func isBalanced(_ place: Comment, sourceLocation: SourceLocation = #_sourceLocation) async throws {
        let open = try await query("SELECT run_id FROM \(state("sync_runs")) WHERE status IN ('running', 'queued')")
        #expect(open.isEmpty, place, sourceLocation: sourceLocation)
        let unbalanced = try await query(
            """
            SELECT run_id, operation FROM \(state("sync_run_counts"))
             WHERE planned <> succeeded + failed + not_attempted + unknown
            """)
        #expect(unbalanced == [], place, sourceLocation: sourceLocation)
        let outbox = try await query("SELECT run_id FROM \(state("sync_changes"))")
        #expect(outbox.isEmpty, place, sourceLocation: sourceLocation)
    }
}
