package import Foundation

/// Changes that wait for no time, but go after all others: their address belongs to another profile until these are carried out.
extension Change {
    /// What ``notBefore`` is of such a change: a time long ago, which is never shown.
    /// - Parameter place: the order among such changes, from 1.
    package static func last(_ place: Int) -> Date { Date(timeIntervalSince1970: Double(place)) }

    /// Whether the change goes after all others. What waits for a time, waits for one after 2001.
    package var goesLast: Bool { notBefore.map { $0.timeIntervalSinceReferenceDate < 0 } ?? false }

    /// Until when the change waits, because an opposite request may still land; nil: for no time.
    package var waitsUntil: Date? { goesLast ? nil : notBefore }
}
