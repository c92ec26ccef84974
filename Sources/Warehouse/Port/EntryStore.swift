package import RollcallCore

/// The snapshot: the members that Iterable acknowledged, and what is in doubt. The rules of ``Warehouse`` hold.
package protocol EntryStore: WarehouseClock {
    // MARK: Stray requests

    /// Notes changes of `run` that were sent, and may have been sent after the lease of its process was another's. Takes no
    /// lease: whoever has to note this has none. Touches nothing but the notes; a change that is noted already stays as it
    /// is. They may land until now + `settleSeconds`. Does nothing for a run whose list is not known.
    func noteStrays(_ run: SyncRun, _ changes: [Change], settleSeconds: Double) async throws(WarehouseError)
    /// Takes the notes of the sync away, and does to the entries of each what ``StrayNotes/apply(_:_:)`` says, so
    /// that the next plan puts it right. What may still land leaves a request in doubt, which is all that notes of events do. Returns
    /// how many notes there were.
    func applyStrayNotes(_ lease: Lease) async throws(WarehouseError) -> Int

    // MARK: Snapshot

    /// The sync's secret key of 16 bytes for fingerprints. Made of `newKey` and kept if there is none yet; with
    /// `newKey` nil nothing is written and nil is returned then.
    func fingerprintKey(sync: String, newKey: [UInt8]?) async throws(WarehouseError) -> [UInt8]?
    /// Every entry of the set, in one consistent view; memory stays bounded. `parts` as for ``readAudience(_:columns:parts:_:)``.
    func readSnapshot(
        sync: String, of entries: EntrySet, parts: Int,
        _ body: @escaping @Sendable (_ part: Int, Fingerprint, MemberState, _ listed: Bool) throws -> Void
    ) async throws
    /// As ``readSnapshot(sync:of:parts:_:)`` in one part, with the hash of what was sent of each last.
    func readContents(
        sync: String, of entries: EntrySet, _ body: @escaping @Sendable (KnownContent) throws -> Void
    ) async throws
    /// As ``readContents(sync:of:_:)``, of the records with these fingerprints, in any order; unknown ones are left out. At most 10,000
    /// at once.
    func readContents(
        sync: String, of kind: RecordKind, fingerprints: [Fingerprint],
        _ body: @escaping @Sendable (KnownContent) throws -> Void
    ) async throws(WarehouseError)
    /// A number that stands for the sync's whole snapshot: whenever it is what it was, the snapshot is as it was. Drawn
    /// at random with each change, for a counter would repeat itself after a backup was restored. nil: nothing is known.
    func snapshotGeneration(sync: String) async throws(WarehouseError) -> Int64?
    /// The entries with these fingerprints, in any order; unknown ones are left out. At most 10,000 at once.
    func members(
        sync: String, of entries: EntrySet, fingerprints: [Fingerprint]
    ) async throws(WarehouseError) -> [Member]
    /// Entries known under this email or userId (either may be nil; compared byte for byte); of records also those of which the
    /// key or the item's id is the userId that is given.
    func members(
        sync: String, of entries: EntrySet, knownAs identity: Identity
    ) async throws(WarehouseError) -> [MemberEntry]
    /// Records that may be in Iterable because of the sync and are known under an email or a userId of these (compared byte for
    /// byte), in any order, each once. At most 10,000 at once.
    func owners(
        sync: String, of kind: RecordKind, identities: [Identity]
    ) async throws(WarehouseError) -> [Member]
    /// A page of the entries in these states, by their fingerprints; from behind `fingerprint`, or from the first one. At most 10,000
    /// at once.
    func entries(
        sync: String, of entries: EntrySet, in states: Set<MemberState>, after fingerprint: Fingerprint?, limit: Int
    ) async throws(WarehouseError) -> [MemberEntry]
    /// How many entries the snapshot has, by state.
    func memberCounts(sync: String, of entries: EntrySet) async throws(WarehouseError) -> [MemberState: Int]
    /// Requests that may still land.
    func requestsInDoubt(sync: String, of entries: EntrySet) async throws(WarehouseError) -> [RequestInDoubt]
}

/// What the snapshot says of one entry, as far as a plan compares it.
package struct KnownContent {
    package var fingerprint: Fingerprint
    package var state: MemberState
    /// Whether the record may be in Iterable because of the sync.
    package var listed: Bool
    /// The hash of what was sent last; 0: a member of a list of whose fields nothing is known.
    package var content: Int64
    /// Bytes of ``FieldBits``: the fields that this sync has given a value. Valid during the call only; empty: none.
    package var held: UnsafeRawBufferPointer

    package init(
        fingerprint: Fingerprint, state: MemberState, listed: Bool, content: Int64,
        held: UnsafeRawBufferPointer = UnsafeRawBufferPointer(start: nil, count: 0)
    ) {
        self.fingerprint = fingerprint
        self.state = state
        self.listed = listed
        self.content = content
        self.held = held
    }
}
