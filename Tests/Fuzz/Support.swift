import Foundation

/// What a fuzz target is: one function over any bytes, which ends the process where a promise is broken. libFuzzer finds
/// `LLVMFuzzerTestOneInput` by its name; each target's file defines `fuzz(_:)`.
@_cdecl("LLVMFuzzerTestOneInput")
package func testOneInput(_ data: UnsafePointer<UInt8>?, _ size: Int) -> CInt {
    fuzz(Array(UnsafeBufferPointer(start: data, count: size)))
    return 0
}

/// Ends the process with the broken promise, so that libFuzzer keeps the input.
func require(_ condition: Bool, _ promise: @autoclosure () -> String) {
    if condition { return }
    FileHandle.standardError.write(Data("BROKEN: \(promise())\n".utf8))
    abort()
}

/// Takes an input apart into numbers and texts.
struct Bytes {
    private var rest: ArraySlice<UInt8>

    init(_ bytes: [UInt8]) { rest = bytes[...] }

    /// 0 where nothing is left.
    mutating func number(below bound: Int) -> Int { Int(rest.popFirst() ?? 0) % bound }

    /// All that is left.
    mutating func remainder() -> [UInt8] {
        defer { rest = [] }
        return Array(rest)
    }

    /// Up to a byte 0xff, which no UTF-8 has.
    mutating func piece() -> [UInt8] {
        let piece = rest.prefix { $0 != 0xff }
        rest = rest.dropFirst(piece.count + 1)
        return Array(piece)
    }
}
