import Foundation
import Synchronization

/// What waits in a spool.
struct SpoolAmount: Sendable, Equatable {
    var bodies = 0
    var bytes: Int64 = 0
}

/// The groups of one writer that wait for their warehouse, oldest first, in files `000001.spool` and so on. A group is on disk
/// when ``append(_:)`` returns. All calls block the actor's own thread only.
actor SpoolFolder {
    private let executor: DiskExecutor
    nonisolated var unownedExecutor: UnownedSerialExecutor { executor.asUnownedSerialExecutor() }

    let path: String
    private let budget: SpoolBudget
    private var lock: SpoolLock?
    private var segments: [SpoolSegment] = []
    private var lastNumber = 0
    /// The file that is written, the last of the segments; nil: none is.
    private var writing: Int32?
    /// The file that is read, the first of the segments.
    private var reading: Int32?
    /// What ``oldest()`` gave last: where it ends in the first file, and how many bodies it has.
    private var given: (end: Int64, bodies: Int)?
    private let amount = Mutex(SpoolAmount())

    /// A folder of this process, made when it is first needed.
    init(new path: String, budget: SpoolBudget) {
        executor = DiskExecutor("receivers.spool")
        self.path = path
        self.budget = budget
    }

    /// A folder that a process left behind.
    init(adopting path: String, lock: SpoolLock, budget: SpoolBudget) {
        executor = DiskExecutor("receivers.spool")
        self.path = path
        self.budget = budget
        self.lock = lock
    }

    nonisolated var waiting: SpoolAmount { amount.withLock { $0 } }

    var isEmpty: Bool { segments.isEmpty }

    // MARK: Writing

    /// Puts a group behind the others; it is on disk afterwards. After an error it is not there.
    func append(_ group: PendingGroup) throws(SpoolFailure) {
        let content = GroupCoding.encode(group)
        guard content.count <= Int(UInt32.max) else { throw .unusable("a group has more than 4 GB") }
        let frame = SpoolFrame(content, bodies: group.bodies).bytes + content
        try budget.reserve(Int64(frame.count))
        do throws(SpoolFailure) {
            let file = try fileForWriting()
            try write(frame, file)
        } catch {
            budget.release(Int64(frame.count))
            throw error
        }
        segments[segments.count - 1].size += Int64(frame.count)
        segments[segments.count - 1].bodies += group.bodies
        amount.withLock { amount in
            amount.bodies += group.bodies
            amount.bytes += Int64(frame.count)
        }
    }

    private func write(_ frame: [UInt8], _ file: Int32) throws(SpoolFailure) {
        let segment = segments[segments.count - 1]
        do throws(SpoolFailure) {
            try DiskFile.write(frame, to: file, at: segment.size, segment.path)
            try DiskFile.synchronize(file, segment.path)
        } catch {
            // What was written of it must not stand before the next group. Where it cannot be taken off, the next one gets a
            // separate file.
            let isClean = ftruncate(file, off_t(segment.size)) == 0 && fsync(file) == 0
            if segment.size == 0 { removeEmptyFile() } else if !isClean { closeWriting() }
            throw error
        }
    }

    private func fileForWriting() throws(SpoolFailure) -> Int32 {
        if let writing, let last = segments.last, last.size < SpoolSegment.largest { return writing }
        closeWriting()
        try makeFolder()
        let segment = SpoolSegment(folder: path, number: lastNumber + 1)
        let file = try DiskFile.open(segment.path, O_WRONLY | O_CREAT | O_EXCL)
        lastNumber += 1
        segments.append(segment)
        writing = file
        do throws(SpoolFailure) { try DiskFile.synchronizeFolder(path) } catch {
            removeEmptyFile()
            throw error
        }
        return file
    }

    private func removeEmptyFile() {
        closeWriting()
        guard let last = segments.last, last.size == 0 else { return }
        if segments.count == 1 { closeReading() }
        unlink(last.path)
        segments.removeLast()
    }

    /// Makes the folder under a hidden name, so that no other process takes it for one that was left behind before it is locked.
    private func makeFolder() throws(SpoolFailure) {
        guard lock == nil else { return }
        let parent = (path as NSString).deletingLastPathComponent
        let hidden = "\(parent)/.\((path as NSString).lastPathComponent)"
        try DiskFile.makeFolder(hidden)
        guard let made = try SpoolLock(folder: hidden) else { throw .unusable("\(hidden) is locked") }
        guard rename(hidden, path) == 0 else { throw .system(errno, "cannot make \(path)") }
        try DiskFile.synchronizeFolder(parent)
        lock = made
    }

    // MARK: Reading

    /// Counts what waits in a folder that was left behind.
    func survey() throws(SpoolFailure) {
        segments = try DiskFile.names(in: path).compactMap { SpoolSegment(folder: path, fileName: $0) }
            .sorted { $0.number < $1.number }
        lastNumber = segments.last?.number ?? 0
        var found = SpoolAmount()
        for index in segments.indices {
            let file = try DiskFile.open(segments[index].path, O_RDONLY)
            defer { close(file) }
            segments[index].size = try DiskFile.size(of: file, segments[index].path)
            segments[index].bodies = try segments[index].countBodies(file)
            found.bytes += segments[index].size
            found.bodies += segments[index].bodies
        }
        budget.count(found.bytes)
        amount.withLock { $0 = found }
    }

    /// What a look at the oldest groups found.
    enum Oldest: Sendable {
        /// Of one writer, by rising sequences; as many as may be stored together.
        case groups([PendingGroup])
        /// Nothing waits.
        case none
        /// A part of a file that cannot be read was passed over; where the file will be when the rest of it is stored.
        case damaged(String)
    }

    /// The oldest groups that wait; they stay until ``removeOldest()``.
    func oldest() throws(SpoolFailure) -> Oldest {
        while let segment = segments.first {
            if segment.isRead {
                try finishFirst()
                continue
            }
            let file = try fileForReading(segment)
            switch try segment.content(file) {
            case .group(let bytes, _):
                if let group = try? GroupCoding.decode(bytes) {
                    return .groups(try groups(from: group, bytes.count, segment, file))
                }
            // The end of the last file was never answered.
            case .cut where segments.count == 1:
                segments[0].position = segment.size
                continue
            case .cut, .damaged: break
            }
            let wasDamaged = segment.isDamaged
            try segments[0].skipDamage(file)
            if !wasDamaged { return .damaged(placeForDamaged(segment)) }
        }
        return .none
    }

    /// A group and those behind it in its file, for one transaction.
    private func groups(
        from first: PendingGroup, _ size: Int, _ segment: SpoolSegment, _ file: Int32
    ) throws(SpoolFailure) -> [PendingGroup] {
        var batch = GroupBatch(first, bytes: size)
        var ahead = segment
        ahead.position += Int64(SpoolFrame.size + size)
        // What cannot be read is looked at when it is the oldest.
        while !batch.isFull, !ahead.isRead, case .group(let bytes, _) = try ahead.content(file),
            let next = try? GroupCoding.decode(bytes), batch.add(next, bytes: bytes.count)
        {
            ahead.position += Int64(SpoolFrame.size + bytes.count)
        }
        given = (ahead.position, batch.bodies)
        return batch.groups
    }

    /// Whether nothing waits behind what ``oldest()`` gave last.
    var isAllGiven: Bool { segments.count == 1 && given?.end == segments[0].size }

    /// Goes on behind the groups that ``oldest()`` gave.
    func removeOldest() throws(SpoolFailure) {
        guard let given, !segments.isEmpty else { return }
        self.given = nil
        segments[0].position = given.end
        takeFromFirst(given.bodies)
        if segments[0].isRead { try finishFirst() }
    }

    /// - Parameter bodies: that wait no more; of a damaged file they may be more than were counted.
    private func takeFromFirst(_ bodies: Int) {
        let counted = min(bodies, segments[0].bodies)
        segments[0].bodies -= counted
        amount.withLock { $0.bodies -= counted }
    }

    private func fileForReading(_ segment: SpoolSegment) throws(SpoolFailure) -> Int32 {
        if let reading { return reading }
        let file = try DiskFile.open(segment.path, O_RDONLY)
        reading = file
        return file
    }

    /// Removes the first file, all of which is stored; one that was damaged is set aside for people to look at.
    private func finishFirst() throws(SpoolFailure) {
        let segment = segments[0]
        given = nil
        closeReading()
        if segments.count == 1 { closeWriting() }
        if segment.isDamaged {
            let place = placeForDamaged(segment)
            guard rename(segment.path, place) == 0 else { throw .system(errno, "cannot rename \(segment.path)") }
        } else {
            guard unlink(segment.path) == 0 || errno == ENOENT else {
                throw .system(errno, "cannot remove \(segment.path)")
            }
        }
        // Those that could not be read wait no more either.
        takeFromFirst(segments[0].bodies)
        segments.removeFirst()
        budget.release(segment.size)
        amount.withLock { amount in
            amount.bytes -= segment.size
            if segments.isEmpty { amount = SpoolAmount() }
        }
    }

    /// Beside the writers' folders, where nothing is looked for.
    private func placeForDamaged(_ segment: SpoolSegment) -> String {
        "\(path)-\((segment.path as NSString).lastPathComponent).damaged"
    }

    // MARK: The end

    /// Closes all files; a folder in which nothing waits is removed.
    func end() {
        closeReading()
        closeWriting()
        given = nil
        if lock != nil, segments.isEmpty {
            unlink(path + "/lock")
            rmdir(path)
        }
        budget.release(amount.withLock { $0.bytes })
        lock = nil
        segments = []
    }

    private func closeReading() {
        if let reading { close(reading) }
        reading = nil
    }

    private func closeWriting() {
        if let writing { close(writing) }
        writing = nil
    }
}
