import CMemory

/// The heap of this process.
enum HeapMemory {
    /// Gives what is free on the heap back to the system. The allocator of Linux would keep it for whoever asks next, and a table,
    /// which is no part of the heap, would come on top of it.
    static func trim() {
        #if os(Linux) && canImport(Glibc)
            malloc_trim(0)
        #endif
    }
}
