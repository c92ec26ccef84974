import Foundation

/// What is wrong with the text form of a fault.
package struct FaultTextError: Error, Equatable, CustomStringConvertible {
    /// A sentence for the person who wrote the text.
    package let description: String
}

extension Fault {
    /// The text form in full, for the help of a command.
    package static let help = """
        A fault is KIND or KIND:OPTION=VALUE,OPTION=VALUE…

        Kinds:
          400…599      an answer with this status (429, 500, 401: JSON; 413, 502, 503, 504: HTML)
          drop-before  close the connection, apply nothing
          drop-after   apply the request, then close the connection without an answer
          stall        wait, then apply and answer (apply=no: wait, then close the connection)
          late-apply   close the connection at once, apply the request later
          truncated    apply, answer 200 with half of the JSON
          html         answer 200 with an HTML page, apply nothing
          empty        answer 200 with no body, apply nothing
          wrong-types  apply, answer 200 with JSON of the wrong types
          accept-only  answer as if it was applied, apply nothing

        Kinds for the events that go to the webhook, with p, nth, count and seconds:
          duplicate    send the event twice
          reorder      send the event after later ones of the same request
          drop         never send the event
          retry-on-5xx after a 5xx status or no answer, try again; 5 attempts at most

        Options:
          p=0.1          for each matching request with this probability, 0 to 1 (default 1)
          nth=3          for the third matching request only
          count=2        at most twice
          op=subscribe   only subscribe; also unsubscribe, list (both, the default) and any (every call)
          path=/api/users  only paths that start like this
          seconds=5      how long stall, late-apply and retry-on-5xx wait, 0 to 3600
                         (default 5)
          apply=yes|no   whether the request takes effect, where the kind leaves the choice
          retry-after=7  a Retry-After header, for kinds that are a status

        Examples: 500:p=0.1   429:nth=3,retry-after=2   late-apply:seconds=5,p=0.02,op=subscribe
        """

    /// Reads the text form that ``help`` describes.
    /// - Throws: ``FaultTextError`` with a sentence that names the faulty part.
    package init(parsing text: String) throws(FaultTextError) {
        let parts = text.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
        guard let name = parts.first, let kind = Kind(name: name) else {
            throw FaultTextError(
                description: "Unknown fault \"\(parts.first ?? "")\": use a status from 400 to 599, drop-before, "
                    + "drop-after, stall, late-apply, truncated, html, empty, wrong-types or accept-only; for the webhook "
                    + "duplicate, reorder, drop or retry-on-5xx.")
        }
        self.init(kind)
        guard parts.count == 2 else { return }
        var seen: Set<String> = []
        for option in parts[1].split(separator: ",", omittingEmptySubsequences: false) {
            let pair = option.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
            guard pair.count == 2, !pair[0].isEmpty, !pair[1].isEmpty else {
                throw FaultTextError(description: "In fault \"\(text)\": \"\(option)\" is not OPTION=VALUE.")
            }
            guard seen.insert(pair[0]).inserted else {
                throw FaultTextError(description: "In fault \"\(text)\": \(pair[0]) is given twice.")
            }
            try set(pair[0], to: pair[1], in: text)
        }
        for pair in [("p", "nth"), ("op", "path")] where seen.contains(pair.0) && seen.contains(pair.1) {
            throw FaultTextError(description: "In fault \"\(text)\": \(pair.0) and \(pair.1) exclude each other.")
        }
    }

    private mutating func set(_ option: String, to value: String, in text: String) throws(FaultTextError) {
        func wrong(_ expected: String) -> FaultTextError {
            FaultTextError(description: "In fault \"\(text)\": \(option)=\(value) must be \(expected).")
        }
        func pointless(_ reason: String) -> FaultTextError {
            FaultTextError(description: "In fault \"\(text)\": \(option) makes no sense here, \(reason).")
        }
        if kind.concernsWebhook, ["op", "path", "apply", "retry-after"].contains(option) {
            throw pointless("\(kind.name) is about the events that go to the webhook")
        }
        switch option {
        case "p":
            guard let number = Double(value), (0...1).contains(number) else { throw wrong("a number from 0 to 1") }
            trigger = .probability(number)
        case "nth":
            guard let number = Int(value), number >= 1 else { throw wrong("a whole number from 1") }
            trigger = .nth(number)
        case "count":
            guard let number = Int(value), number >= 1 else { throw wrong("a whole number from 1") }
            limit = number
        case "op":
            guard let target = Target(operation: value) else { throw wrong("subscribe, unsubscribe, list or any") }
            self.target = target
        case "path":
            guard value.hasPrefix("/api") else { throw wrong("a path that starts with /api") }
            target = .pathPrefix(value)
        case "seconds":
            guard kind.waits else { throw pointless("only stall, late-apply and retry-on-5xx wait") }
            guard let number = Double(value), (0...3600).contains(number) else { throw wrong("0 to 3600") }
            seconds = number
        case "apply":
            guard kind.fixedEffect == nil else { throw pointless("\(kind.name) says it already") }
            guard let flag = ["yes": true, "no": false][value] else { throw wrong("yes or no") }
            applies = flag
        case "retry-after":
            guard case .status = kind else { throw pointless("only a status has headers to set") }
            guard let number = Int(value), (0...86_400).contains(number) else { throw wrong("0 to 86400 seconds") }
            retryAfterSeconds = number
        default:
            throw FaultTextError(
                description: "In fault \"\(text)\": unknown option \(option); "
                    + "known are p, nth, count, op, path, seconds, apply and retry-after.")
        }
    }
}

extension Fault: CustomStringConvertible {
    /// The text form; ``init(parsing:)`` reads it back.
    package var description: String {
        var options: [String] = []
        switch trigger {
        case .probability(let number): if number != 1 { options.append("p=\(number)") }
        case .nth(let number): options.append("nth=\(number)")
        }
        if let limit { options.append("count=\(limit)") }
        switch target {
        case .subscribe: options.append("op=subscribe")
        case .unsubscribe: options.append("op=unsubscribe")
        case .listWrites, .webhook: break
        case .any: options.append("op=any")
        case .pathPrefix(let prefix): options.append("path=\(prefix)")
        }
        if kind.waits { options.append("seconds=\(seconds)") }
        if applies != kind.usualEffect { options.append("apply=\(applies ? "yes" : "no")") }
        if let retryAfterSeconds { options.append("retry-after=\(retryAfterSeconds)") }
        return options.isEmpty ? kind.name : kind.name + ":" + options.joined(separator: ",")
    }
}

extension Fault.Target {
    /// The target with this name in the text form.
    fileprivate init?(operation: String) {
        switch operation {
        case "subscribe": self = .subscribe
        case "unsubscribe": self = .unsubscribe
        case "list": self = .listWrites
        case "any": self = .any
        default: return nil
        }
    }
}
