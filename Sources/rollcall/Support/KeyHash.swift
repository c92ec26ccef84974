import Crypto
import Foundation
import RollcallCore

extension DestinationSettings {
    /// With the one-way hash of its API key, by which the state tells projects apart. Half of a SHA-256: keys are random, so
    /// that they cannot be guessed.
    var withKeyHash: DestinationSettings {
        var settings = self
        let digest = SHA256.hash(data: Data("rollcall list project\0\(apiKey.reveal())".utf8))
        settings.keyHash = digest.prefix(16).hexadecimal
        return settings
    }
}
