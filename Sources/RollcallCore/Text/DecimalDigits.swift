/// A whole number in decimal digits, without making a string of it.
package enum DecimalDigits {
    /// Bytes that the longest number has: `-9223372036854775808`.
    @inlinable package static var longest: Int { 20 }

    /// Writes a number to the end of some memory of at least ``longest`` bytes, and returns where it stands.
    @inlinable
    package static func write(
        _ value: Int64, toEndOf memory: UnsafeMutableRawBufferPointer
    ) -> UnsafeRawBufferPointer {
        var rest = value.magnitude
        var start = memory.count
        repeat {
            start -= 1
            memory[start] = UInt8(truncatingIfNeeded: 48 + rest % 10)
            rest /= 10
        } while rest > 0
        if value < 0 {
            start -= 1
            memory[start] = UInt8(ascii: "-")
        }
        return UnsafeRawBufferPointer(rebasing: UnsafeRawBufferPointer(memory)[start...])
    }
}
