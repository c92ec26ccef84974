import Foundation

/// Zeroed memory of trivial values whose pages can be given back one after another.
///
/// Large blocks come straight from the kernel, in huge pages where it has them: a table that is looked into at random
/// would otherwise spend much of its time on address translation.
struct PageMemory<Element: BitwiseCopyable>: ~Copyable {
    let elements: UnsafeMutablePointer<Element>
    /// What the kernel gave, nil for a small block from the heap.
    private let mapping: Mapping?

    private struct Mapping {
        var start: UnsafeMutableRawPointer
        /// Bytes.
        var count: Int
    }

    private static var hugePage: Int { 2 << 20 }

    /// - Parameter count: values, all bits zero at first. Without memory for them the process ends, as it does
    ///   everywhere in Swift.
    init(count: Int) {
        let bytes = count * MemoryLayout<Element>.stride
        if bytes >= 2 * Self.hugePage, let mapping = Self.map(bytes + Self.hugePage) {
            let before = (Self.hugePage - Int(bitPattern: mapping.start) % Self.hugePage) % Self.hugePage
            self.mapping = mapping
            // SAFETY: the mapping is a huge page longer than `bytes`, all zero, and unmapped in `deinit`.
            elements = mapping.start.advanced(by: before).bindMemory(to: Element.self, capacity: count)
        } else {
            mapping = nil
            let memory = UnsafeMutableRawPointer.allocate(
                byteCount: max(bytes, 1), alignment: MemoryLayout<Element>.alignment)
            memory.initializeMemory(as: UInt8.self, repeating: 0, count: bytes)
            elements = memory.bindMemory(to: Element.self, capacity: count)
        }
    }

    deinit {
        if let mapping {
            munmap(mapping.start, mapping.count)
        } else {
            UnsafeMutableRawPointer(elements).deallocate()
        }
    }

    private static func map(_ bytes: Int) -> Mapping? {
        let memory = mmap(nil, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)
        guard let memory, memory != MAP_FAILED else { return nil }
        #if os(Linux)
            madvise(memory, bytes, MADV_HUGEPAGE)
        #endif
        return Mapping(start: memory, count: bytes)
    }

    /// Gives the pages of the first `used` values back, as far as `released` says that it was not done before; these
    /// values are zero or gone from then on.
    func release(through used: Int, _ released: inout Int) {
        guard mapping != nil else { return }
        let end = used * MemoryLayout<Element>.stride / Self.hugePage * Self.hugePage
        guard end > released else { return }
        madvise(UnsafeMutableRawPointer(elements) + released, end - released, MADV_DONTNEED)
        released = end
    }
}
