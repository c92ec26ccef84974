import Foundation

/// POSIX calls on whole buffers. Errors are the value of `errno`.
enum FileBytes {
    struct Failure: Error {
        var code: Int32
    }

    /// Writes all of it, at `offset` or, without one, where the file stands.
    static func write(_ bytes: UnsafeRawBufferPointer, to file: Int32, at offset: Int? = nil) throws(Failure) {
        var done = 0
        while done < bytes.count {
            let rest = UnsafeRawBufferPointer(rebasing: bytes[done...])
            let count =
                if let offset { pwrite(file, rest.baseAddress, rest.count, off_t(offset + done)) } else {
                    Foundation.write(file, rest.baseAddress, rest.count)
                }
            if count < 0 && errno == EINTR { continue }
            guard count > 0 else { throw Failure(code: errno) }
            done += count
        }
    }

    /// - Returns: false when the file ends before the buffer is full.
    static func read(_ bytes: UnsafeMutableRawBufferPointer, from file: Int32, at offset: Int) throws(Failure) -> Bool {
        var done = 0
        while done < bytes.count {
            let count = pread(file, bytes.baseAddress?.advanced(by: done), bytes.count - done, off_t(offset + done))
            if count < 0 && errno == EINTR { continue }
            guard count >= 0 else { throw Failure(code: errno) }
            if count == 0 { return false }
            done += count
        }
        return true
    }

    /// Makes and opens a file that was not there, readable by its owner only; its path is `prefix` and something unique.
    static func makeTemporary(_ prefix: String) throws(Failure) -> (file: Int32, path: String) {
        let placeholder = String(repeating: "X", count: 6)  // which mkstemp replaces
        var path = Array((prefix + placeholder).utf8CString)
        let file = mkstemp(&path)
        guard file >= 0 else { throw Failure(code: errno) }
        return (file, String(decoding: path.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self))
    }

    static func size(of file: Int32) -> Int? {
        var status = stat()
        return fstat(file, &status) == 0 ? Int(status.st_size) : nil
    }
}

/// A checksum of memory, fast enough to be taken of every table that is loaded. It finds damage; it is no signature.
enum Checksum {
    /// Whole words of eight bytes first, in four sums beside each other; what is left counts as one more word, filled with zeros.
    static func of(_ bytes: UnsafeRawBufferPointer) -> UInt64 {
        var (a, b, c, d): (UInt64, UInt64, UInt64, UInt64) = (
            0x9e37_79b9_7f4a_7c15, 0xc2b2_ae3d_27d4_eb4f, 0x1656_67b1_9e37_79f9, 0x85eb_ca77_c2b2_ae63
        )
        var offset = 0
        while offset &+ 32 <= bytes.count {
            a = mix(a, bytes.loadUnaligned(fromByteOffset: offset, as: UInt64.self))
            b = mix(b, bytes.loadUnaligned(fromByteOffset: offset &+ 8, as: UInt64.self))
            c = mix(c, bytes.loadUnaligned(fromByteOffset: offset &+ 16, as: UInt64.self))
            d = mix(d, bytes.loadUnaligned(fromByteOffset: offset &+ 24, as: UInt64.self))
            offset &+= 32
        }
        while offset < bytes.count {
            var word: UInt64 = 0
            for place in 0..<min(8, bytes.count - offset) {
                word |= UInt64(bytes[offset + place]) << (8 * UInt64(place))
            }
            a = mix(a, word)
            offset &+= 8
        }
        return mix(mix(mix(mix(a, UInt64(bytes.count)), b), c), d)
    }

    static func of(_ words: some Collection<UInt64>) -> UInt64 { Array(words).withUnsafeBytes { of($0) } }

    @inline(__always)
    private static func mix(_ sum: UInt64, _ word: UInt64) -> UInt64 {
        let product = (sum ^ word) &* 0x9fb2_1c65_1e98_df25
        return product ^ product &>> 29
    }
}
