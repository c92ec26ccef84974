/// What takes bytes one after the other.
protocol ByteSink: ~Copyable {
    mutating func append(byte: UInt8)
    mutating func append(bytes: UnsafeRawBufferPointer)
}

extension ByteSink where Self: ~Copyable {
    mutating func append(text: StaticString) {
        append(bytes: UnsafeRawBufferPointer(start: text.utf8Start, count: text.utf8CodeUnitCount))
    }
}

extension [UInt8]: ByteSink {
    mutating func append(byte: UInt8) { append(byte) }
    mutating func append(bytes: UnsafeRawBufferPointer) { append(contentsOf: bytes) }
}

/// Bytes that are put together to be hashed, in memory that is used again from row to row. Not thread-safe.
package struct HashInput: ~Copyable, ByteSink {
    // SAFETY: `capacity` bytes that belong to this value, of which the first `count` were written; freed in `deinit`.
    private var start: UnsafeMutableRawPointer
    private var capacity = 1024
    private(set) var count = 0

    package init() { start = .allocate(byteCount: capacity, alignment: 8) }

    deinit { start.deallocate() }

    /// Valid until the next byte is appended.
    var bytes: UnsafeRawBufferPointer { UnsafeRawBufferPointer(start: start, count: count) }

    mutating func removeAll() { count = 0 }

    mutating func append(byte: UInt8) {
        if count == capacity { grow(by: 1) }
        start.storeBytes(of: byte, toByteOffset: count, as: UInt8.self)
        count &+= 1
    }

    mutating func append(bytes: UnsafeRawBufferPointer) {
        guard let first = bytes.baseAddress else { return }
        if capacity &- count < bytes.count { grow(by: bytes.count) }
        (start + count).copyMemory(from: first, byteCount: bytes.count)
        count &+= bytes.count
    }

    /// Eight bytes, the lowest first.
    mutating func append(number: UInt64) {
        if capacity &- count < 8 { grow(by: 8) }
        start.storeBytes(of: number.littleEndian, toByteOffset: count, as: UInt64.self)
        count &+= 8
    }

    @inline(never)
    private mutating func grow(by bytes: Int) {
        let larger = max(capacity * 2, count + bytes)
        let memory = UnsafeMutableRawPointer.allocate(byteCount: larger, alignment: 8)
        memory.copyMemory(from: start, byteCount: count)
        start.deallocate()
        (start, capacity) = (memory, larger)
    }
}
