import Crypto

/// How the answers of `users/forgotten` name forgotten users: by hash only.
enum HashedIdentifier {
    /// SHA-256 of the UTF-8 bytes of a text, as 64 lower-case hexadecimal digits.
    static func hexDigest(of text: String) -> String {
        SHA256.hash(data: Array(text.utf8)).map { byte in
            (byte < 16 ? "0" : "") + String(byte, radix: 16)
        }.joined()
    }
}
