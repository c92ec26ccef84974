import Foundation
import RollcallCore

/// An append-only buffer of bytes that spills into an unlinked temporary file (readable by its owner only) when it grows
/// beyond a megabyte, so that a plan of any size takes bounded memory. One task writes it, then it is read from the
/// start any number of times.
// SAFETY: one thread writes it at a time, and readers begin when it has ended; each reader has its own place in the file.
final class Spool: @unchecked Sendable {
    private var buffer: [UInt8] = []
    private var file: Int32 = -1
    private var written = 0
    private let spillBytes: Int

    /// - Parameter spillBytes: how much is kept in memory before it goes to the file.
    init(spillBytes: Int = 1 << 20) { self.spillBytes = spillBytes }

    deinit { if file >= 0 { close(file) } }

    /// Whether there is more than is kept in memory.
    var isSpilled: Bool { written > 0 }

    var byteCount: Int { written + buffer.count }

    func append(byte: UInt8) { buffer.append(byte) }

    func append(number: UInt64) {
        withUnsafeBytes(of: number.littleEndian) { buffer.append(contentsOf: $0) }
    }

    /// Bytes of a record as they are in another spool.
    func append(raw bytes: UnsafeRawBufferPointer) { buffer.append(contentsOf: bytes) }

    /// nil is kept apart from an empty value.
    func append(bytes: UnsafeRawBufferPointer?) {
        withUnsafeBytes(of: UInt32(truncatingIfNeeded: bytes?.count ?? -1).littleEndian) {
            buffer.append(contentsOf: $0)
        }
        if let bytes { buffer.append(contentsOf: bytes) }
    }

    /// Of a value of more than `limit` bytes only the first ones, marked. The mark is ASCII, which every encoding of a warehouse
    /// has.
    func append(cut bytes: UnsafeRawBufferPointer?, to limit: Int) {
        guard let bytes, bytes.count > limit else { return append(bytes: bytes) }
        var end = limit
        // Not within a character of UTF-8, which has at most four bytes.
        while end > limit - 4, bytes[end] & 0xC0 == 0x80 { end -= 1 }
        let cut = Array(bytes.prefix(end)) + Array("... (\(bytes.count) bytes)".utf8)
        cut.withUnsafeBytes { append(bytes: $0) }
    }

    func append(cut text: String?, to limit: Int) {
        guard var text else { return append(bytes: nil) }
        text.withUTF8 { append(cut: UnsafeRawBufferPointer($0), to: limit) }
    }

    func append(text: String?) {
        guard var text else { return append(bytes: nil) }
        text.withUTF8 { append(bytes: UnsafeRawBufferPointer($0)) }
    }

    /// Call after each whole record: spills when there is enough to spill.
    func endRecord() throws {
        if buffer.count >= spillBytes { try spill() }
    }

    private func spill() throws {
        if file < 0 { try openFile() }
        do {
            try buffer.withUnsafeBytes { try FileBytes.write($0, to: file) }
        } catch let failure as FileBytes.Failure {
            throw Spool.failure("write to", failure.code)
        }
        written += buffer.count
        buffer.removeAll(keepingCapacity: true)
    }

    private func openFile() throws {
        let folder = ProcessInfo.processInfo.environment["TMPDIR"] ?? "/tmp"
        do {
            let made = try FileBytes.makeTemporary("\(folder)/rollcall-plan-")
            unlink(made.path)
            file = made.file
        } catch {
            throw Spool.failure("create", error.code)
        }
    }

    private static func failure(_ verb: String, _ code: Int32) -> RunError {
        RunError(
            code: "temporary_storage",
            message: "cannot \(verb) a temporary file for the plan: \(String(cString: strerror(code)))",
            hint: "Make room in the temporary folder, or name another one with TMPDIR.")
    }

    /// Calls `body` with bytes from anywhere in it, which lie within one record.
    func withBytes<R>(at start: Int, count: Int, _ body: (UnsafeRawBufferPointer) throws -> R) throws -> R {
        if start >= written {
            return try buffer.withUnsafeBytes {
                try body(UnsafeRawBufferPointer(rebasing: $0[start - written..<start - written + count]))
            }
        }
        // SAFETY: all of it is read from the file before `body` gets it.
        return try withUnsafeTemporaryAllocation(byteCount: count, alignment: 1) { bytes in
            var got = 0
            while got < count {
                let part = pread(file, bytes.baseAddress?.advanced(by: got), count - got, off_t(start + got))
                guard part > 0 else { throw Spool.failure("read", errno) }
                got += part
            }
            return try body(UnsafeRawBufferPointer(bytes))
        }
    }

    func makeReader() -> Reader { Reader(self) }

    /// The length that stands before a value; nil: there is none.
    static func length(_ bytes: UnsafeRawBufferPointer, at place: Int) -> Int? {
        let length = UInt32(littleEndian: bytes.loadUnaligned(fromByteOffset: place, as: UInt32.self))
        return length == .max ? nil : Int(length)
    }

    /// Reads a spool from its start.
    final class Reader {
        private let spool: Spool
        private var page: [UInt8] = []
        private var place = 0
        private var fileOffset = 0
        private var isInBuffer = false

        init(_ spool: Spool) { self.spool = spool }

        /// Whether all records were read.
        func isAtEnd() throws -> Bool { try !fill(1) }

        func byte() throws -> UInt8 {
            try need(1)
            defer { place += 1 }
            return page[place]
        }

        func number() throws -> UInt64 {
            try need(8)
            defer { place += 8 }
            return page.withUnsafeBytes {
                UInt64(littleEndian: $0.loadUnaligned(fromByteOffset: place, as: UInt64.self))
            }
        }

        func bytes() throws -> [UInt8]? {
            guard let length = try length() else { return nil }
            return try take(length) { Array($0) }
        }

        /// How long the value is that follows; nil: there is none.
        private func length() throws -> Int? {
            try need(4)
            defer { place += 4 }
            return page.withUnsafeBytes { Spool.length($0, at: place) }
        }

        func text() throws -> String? {
            guard let length = try length() else { return nil }
            return try take(length) { String(decoding: $0, as: UTF8.self) }
        }

        /// Calls `body` with the next `count` bytes and stays before them.
        func peek<R>(_ count: Int, _ body: (UnsafeRawBufferPointer) throws -> R) throws -> R {
            try need(count)
            return try page.withUnsafeBytes { try body(UnsafeRawBufferPointer(rebasing: $0[place..<place + count])) }
        }

        /// Calls `body` with the next `count` bytes and passes them.
        func take<R>(_ count: Int, _ body: (UnsafeRawBufferPointer) throws -> R) throws -> R {
            let result = try peek(count, body)
            place += count
            return result
        }

        private func need(_ count: Int) throws {
            guard try fill(count) else {
                throw RunError(code: "temporary_storage", message: "the temporary file of the plan ended early")
            }
        }

        /// Makes sure that `count` bytes lie in the page; false at the end.
        private func fill(_ count: Int) throws -> Bool {
            while page.count - place < count {
                page.removeFirst(place)
                place = 0
                if fileOffset < spool.written {
                    try readFile(max(count, 1 << 20))
                } else if !isInBuffer {
                    isInBuffer = true
                    page.append(contentsOf: spool.buffer)
                } else {
                    return count == 0
                }
            }
            return true
        }

        private func readFile(_ wanted: Int) throws {
            let size = min(wanted, spool.written - fileOffset)
            var chunk = [UInt8](repeating: 0, count: size)
            let count = chunk.withUnsafeMutableBytes { pread(spool.file, $0.baseAddress, size, off_t(fileOffset)) }
            guard count > 0 else { throw Spool.failure("read", errno) }
            fileOffset += count
            page.append(contentsOf: chunk[0..<count])
        }
    }
}
