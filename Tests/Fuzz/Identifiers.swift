@testable import RollcallCore

// libFuzzer calls from one thread.
nonisolated(unsafe) private let normalizer = IdentifierNormalizer()

/// Emails and userIds: what the slow reference says.
func fuzz(_ bytes: [UInt8]) {
    let normal = bytes.withUnsafeBytes { normalizer.withEmail($0) { Array($0) } }
    let again = normal.withUnsafeBytes { normalizer.withEmail($0) { Array($0) } }
    let isValid = EmailRules.failure(normal) == nil
    if isValid {
        require(again == normal, "a valid normal form is its own")
        require(IdentifierReference.isValidEmail(normal), "valid, but not by the reference")
    }
    if let expected = IdentifierReference.normalForm(bytes) {
        require(normal == expected, "the normal form differs from the reference")
        require(isValid == IdentifierReference.isValidEmail(expected), "the verdict differs from the reference")
    }
    require((UserIDRules.failure(bytes) == nil) == IdentifierReference.isValidUserID(bytes), "userId")
}
