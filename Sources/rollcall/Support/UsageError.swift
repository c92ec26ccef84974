import RollcallCore

/// The command was called with something that cannot be right: an invalid run id or another sync's, an invalid list of tokens.
/// Ends with the exit code for wrong usage.
struct UsageError: Error {
    var error: RunError

    init(_ error: RunError) { self.error = error }

    init(code: String, message: String, hint: String? = nil) {
        error = RunError(code: code, message: message, hint: hint)
    }
}
