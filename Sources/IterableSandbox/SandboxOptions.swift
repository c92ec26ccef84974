/// How a project tells its users apart. Fixed when the project is created.
package enum SandboxProjectType: String, Sendable, CaseIterable {
    /// The email address is the unique key; user ids may repeat.
    case email
    /// The user id is the unique key; addresses may repeat and identify nobody.
    case userID = "user_id"
    /// Both are unique keys, a profile has at least one.
    case hybrid
}

/// The data centre a project lives in.
package enum SandboxDataCenter: String, Sendable, CaseIterable {
    case us
    case eu
}

/// Which of the two lists of `failedUpdates` names an identity clash. Iterable does not document the choice.
package enum SandboxConflictList: String, Sendable, CaseIterable {
    /// `conflictEmails`, with the address of the profile in the way.
    case emails
    /// `conflictUserIds`, with the user id of the profile in the way, which may not be the one that was sent.
    case userIds
}

/// How the identifiers of failed rows are repeated in an answer. Iterable does not document the choice.
package enum SandboxEchoMode: String, Sendable, CaseIterable {
    /// Exactly as they were sent.
    case asSent
    /// Addresses trimmed and in lower case, user ids as sent.
    case lowercased
}

/// How much an answer of subscribe, unsubscribe and bulkUpdate says.
package enum SandboxResponseMode: String, Sendable, CaseIterable {
    /// All documented members with `failedUpdates`.
    case full
    /// `successCount`, `failCount`, `invalidEmails` and `invalidUserIds` only, as recorded in 2021.
    case legacy2021
}

/// What happens to subscribers whose `dataFields` do not fit the types of the project. Iterable does not document it.
package enum SandboxFieldMismatchMode: String, Sendable, CaseIterable {
    /// The row fails and is listed under `invalidDataEmails` or `invalidDataUserIds`.
    case row
    /// The whole request is refused with `RequestFieldsTypesMismatched`, as bulkUpdate does.
    case batch
}

/// The body of a 429 answer; both forms have been seen.
package enum SandboxRateLimitBody: String, Sendable, CaseIterable {
    case json
    case plainText
}

/// The form of 429 answers.
package struct SandboxRateLimitStyle: Sendable, Equatable {
    package var body: SandboxRateLimitBody
    /// Value of the `Retry-After` header in seconds; nil sends no such header, as all recorded answers.
    package var retryAfterSeconds: Int?

    package init(body: SandboxRateLimitBody = .json, retryAfterSeconds: Int? = nil) {
        self.body = body
        self.retryAfterSeconds = retryAfterSeconds
    }
}

/// Everything that can be chosen about a sandbox. The defaults are one email-based project in the US.
package struct SandboxOptions: Sendable {
    /// Address to listen on. Only loopback addresses make sense: the sandbox speaks plain HTTP.
    package var host = "127.0.0.1"
    /// Port to listen on; 0 takes a free one.
    package var port = 8421
    /// The key that the `Api-Key` header must carry.
    package var apiKey = "sandbox-key"
    /// Keys of the same organisation in the other data centre: refused with 401 `BadApiKey`.
    package var otherDataCenterKeys: Set<String> = ["other-data-center-key"]
    /// Keys of the wrong kind (mobile, web): refused with 401 `BadApiKey`, "insufficient privileges".
    package var clientSideKeys: Set<String> = []
    package var projectType = SandboxProjectType.email
    /// The EU data centre has no email-based projects; ``Sandbox/init(options:logger:)`` refuses the pair.
    package var dataCenter = SandboxDataCenter.us
    /// Requests per second for subscribe and for unsubscribe, each on its own. nil is unlimited.
    ///
    /// The limiter is a leaky bucket: it holds the requests of one second (rounded up, at least one), so a burst of
    /// that many passes at once, and it leaks at this rate. Refused requests don't count.
    package var requestsPerSecond: Double?
    /// 5 requests a minute for each of `size`, `getUsers` and `previewUsers`.
    package var readRateLimits = true
    /// The other documented limits, such as 5 a second for bulkUpdate and 10 a second for trackBulk.
    package var documentedRateLimits = true
    /// Larger bodies are refused with 413.
    package var maxBodyBytes = 4_000_000
    /// More subscribers in one request are refused with 400 `BatchTooLarge`. nil is unlimited.
    package var maxSubscribersPerRequest: Int?
    /// Seconds in which subscribe and unsubscribe do not know a list that was created through the API.
    package var listVisibleAfterSeconds: Double = 0
    /// Seconds that every subscribe and unsubscribe takes, for watching requests under way. 0 answers at once.
    package var latencySeconds: Double = 0
    package var conflictList = SandboxConflictList.emails
    package var echoMode = SandboxEchoMode.asSent
    package var responseMode = SandboxResponseMode.full
    package var fieldMismatchMode = SandboxFieldMismatchMode.row
    /// The project's setting for unknown fields of profiles and events: created (true) or dropped (false).
    package var createsNewFields = true
    package var rateLimitStyle = SandboxRateLimitStyle()
    /// Addresses that are forgotten (GDPR) from the start. Case and outer white space don't matter.
    package var forgottenEmails: [String] = []
    /// User ids that are forgotten from the start.
    package var forgottenUserIds: [String] = []
    /// Event names that `track` and `trackBulk` do not record.
    package var disallowedEventNames: Set<String> = []
    /// Whether the answer of trackBulk counts events of such names as failures. Iterable does not document it.
    package var countsDisallowedEventsAsFailed = false
    /// Seconds in which the events of an answered trackBulk are not there yet. Those of `track` are there at once:
    /// Iterable carries out the two kinds of calls apart from each other, and keeps no order between them.
    package var bulkEventsAfterSeconds: Double = 0
    /// Seconds in which changes of catalog items that were answered with 202 are not carried out yet. In the real API it may be
    /// minutes.
    package var catalogItemsAfterSeconds: Double = 0
    /// Failures to produce on request, tried in this order; the first that fires wins.
    package var faults: [Fault] = []
    /// Where it is posted what became of messages; nil: the project has no webhook.
    package var webhook: SandboxWebhook?
    /// Seed of everything random: faults with a probability, samples, numbers in placeholder addresses, what people do with
    /// messages.
    package var seed: UInt64 = 1

    package init() {}
}

/// Why a sandbox cannot start.
package enum SandboxError: Error, Equatable, CustomStringConvertible {
    /// The EU data centre hosts user-id-based and hybrid projects only.
    case emailProjectInEU
    /// An option is out of its range; the text names it.
    case invalidOption(String)
    /// Something else listens on this address.
    case portInUse(host: String, port: Int)
    /// The address cannot be listened on, for another reason.
    case cannotListen(host: String, port: Int, reason: String)
    /// ``Sandbox/start()`` or ``Sandbox/run()`` was called while the sandbox was running.
    case alreadyRunning

    package var description: String {
        switch self {
        case .emailProjectInEU:
            "Iterable's EU data center has no email-based projects: choose project type user_id or hybrid, or the US."
        case .invalidOption(let text): text
        case .portInUse(let host, let port):
            "Port \(port) on \(host) is in use by another program: choose another port, or 0 for a free one."
        case .cannotListen(let host, let port, let reason): "Cannot listen on \(host):\(port): \(reason)"
        case .alreadyRunning: "The sandbox is running already."
        }
    }
}
