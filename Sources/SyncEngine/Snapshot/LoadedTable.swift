import RollcallCore

/// A table on its way from where it was read to where it is used.
final class LoadedTable {
    var value: MemberTable
    /// The sets of fields that the contents of the table name.
    var heldSets = HeldSets()
    /// What is known of the rows whose buckets the table keeps; nil: nothing is.
    var reading: BucketReading?

    init(_ value: consuming MemberTable) { self.value = value }
}
