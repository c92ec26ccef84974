import RollcallCore
import Warehouse

/// Rows of the audience, copied out of the warehouse's buffers to be hashed and compared a thousand at a time. Used by
/// one thread at a time.
struct RowBatch: ~Copyable {
    /// Rows that are compared at once: enough to hide the latency of memory, few enough to stay in the second cache.
    static let capacity = 1024
    /// Longer values are no identifiers; their rows go alone, so that a batch stays small.
    static let longestValue = 1024

    private struct Cell {
        var offset: Int32
        /// -1: NULL.
        var length: Int32
        var isIdentifier: Bool
    }

    private(set) var count = 0
    // SAFETY: all memory is owned by this value, which cannot be copied, and freed in `deinit`; `count` bounds what is initialised.
    private let cells = UnsafeMutablePointer<Cell>.allocate(capacity: 2 * capacity)
    private let bytes = UnsafeMutableRawPointer.allocate(byteCount: 2 * capacity * longestValue, alignment: 8)
    private var used = 0
    private let hashes = UnsafeMutablePointer<Fingerprint>.allocate(capacity: capacity)
    private let numbers = UnsafeMutablePointer<UInt32>.allocate(capacity: capacity)
    /// Places of rows that the fast path did not decide, for whoever compares the batch.
    let unresolved = UnsafeMutableBufferPointer<Int32>.allocate(capacity: capacity)
    private let normalizer = IdentifierNormalizer()

    init() {}

    deinit {
        cells.deallocate()
        bytes.deallocate()
        hashes.deallocate()
        numbers.deallocate()
        unresolved.deallocate()
    }

    /// As ``hash(_:_:)`` left them, one for each row.
    var fingerprints: UnsafeBufferPointer<Fingerprint> { UnsafeBufferPointer(start: hashes, count: count) }

    /// In which bucket each row lies, where it is known; one for each row.
    var buckets: UnsafePointer<UInt32> { UnsafePointer(numbers) }

    var isFull: Bool { count == Self.capacity }

    mutating func removeAll() {
        count = 0
        used = 0
    }

    /// Whether a row may be added.
    static func takes(_ email: AudienceCell, _ userID: AudienceCell) -> Bool {
        (email.bytes?.count ?? 0) <= longestValue && (userID.bytes?.count ?? 0) <= longestValue
    }

    /// Only while the batch is not full, and only what it takes.
    @inline(__always)
    mutating func append(_ email: AudienceCell, _ userID: AudienceCell, bucket: UInt32 = 0) {
        numbers[count] = bucket
        put(email, 2 &* count)
        put(userID, 2 &* count &+ 1)
        count &+= 1
    }

    @inline(__always)
    private mutating func put(_ cell: AudienceCell, _ place: Int) {
        guard let value = cell.bytes else {
            cells[place] = Cell(offset: 0, length: -1, isIdentifier: cell.isIdentifier)
            return
        }
        if let start = value.baseAddress { (bytes + used).copyMemory(from: start, byteCount: value.count) }
        cells[place] = Cell(
            offset: Int32(truncatingIfNeeded: used), length: Int32(truncatingIfNeeded: value.count),
            isIdentifier: cell.isIdentifier)
        used &+= value.count
    }

    /// Valid until the batch is emptied.
    @inline(__always) func email(_ row: Int) -> AudienceCell { cell(2 &* row) }
    @inline(__always) func userID(_ row: Int) -> AudienceCell { cell(2 &* row &+ 1) }

    @inline(__always)
    private func cell(_ place: Int) -> AudienceCell {
        let cell = cells[place]
        if cell.length < 0 { return AudienceCell(bytes: nil, isIdentifier: cell.isIdentifier) }
        return AudienceCell(
            bytes: UnsafeRawBufferPointer(start: bytes + Int(cell.offset), count: Int(cell.length)),
            isIdentifier: cell.isIdentifier)
    }
}

extension RowBatch {
    /// Stands for a row whose fingerprint only the slow path can find; no row has it.
    static let none = Fingerprint(high: 0, low: 0)

    /// Finds the fingerprint under which ``AudienceDiff`` looks each row up first.
    func hash(_ columns: IdentifierColumns, _ fingerprinter: Fingerprinter) {
        if columns.userID == nil {
            for row in 0..<count { hashes[row] = ofEmail(email(row), fingerprinter) }
        } else if columns.email == nil {
            for row in 0..<count { hashes[row] = ofUserID(userID(row), fingerprinter) }
        } else {
            for row in 0..<count { hashes[row] = ofPair(email(row), userID(row), fingerprinter) }
        }
    }

    @inline(__always)
    private func ofEmail(_ email: AudienceCell, _ fingerprinter: Fingerprinter) -> Fingerprint {
        guard let raw = email.bytes, email.isIdentifier else { return Self.none }
        return fingerprinter.fingerprint(email: normalizer.normalForm(raw))
    }

    @inline(__always)
    private func ofUserID(_ userID: AudienceCell, _ fingerprinter: Fingerprinter) -> Fingerprint {
        guard let raw = userID.bytes, userID.isIdentifier else { return Self.none }
        return fingerprinter.fingerprint(userID: raw)
    }

    @inline(__always)
    private func ofPair(
        _ email: AudienceCell, _ userID: AudienceCell, _ fingerprinter: Fingerprinter
    ) -> Fingerprint {
        guard let rawID = userID.bytes, !rawID.isEmpty else { return ofEmail(email, fingerprinter) }
        guard let raw = email.bytes else { return ofUserID(userID, fingerprinter) }
        guard email.isIdentifier, userID.isIdentifier else { return Self.none }
        let normal = normalizer.normalForm(raw)
        return normal.isEmpty ? Self.none : fingerprinter.fingerprint(email: normal, userID: rawID)
    }
}
