/// A value that must never be shown: API keys, connection strings with passwords, tokens.
/// Every way of printing it gives `***`; ``reveal()`` is called where the value is used and nowhere else.
package struct Secret: Sendable, Hashable, CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
    private let value: String

    package init(_ value: String) { self.value = value }

    /// The value itself, for the one place that needs it.
    package func reveal() -> String { value }

    package var description: String { "***" }
    package var debugDescription: String { "***" }
    package var customMirror: Mirror { Mirror(self, children: [:]) }
}

/// Where Iterable keeps a project.
package enum DataCenter: String, Sendable, CaseIterable {
    case us
    case eu

    /// Base address of the API, without a trailing slash. Source: Iterable's API documentation.
    package var baseURL: String {
        switch self {
        case .us: "https://api.iterable.com"
        case .eu: "https://api.eu.iterable.com"
        }
    }
}

/// How fast records of one kind are sent.
package struct RecordLimits: Sendable, Equatable {
    /// For each kind of request, shared by all syncs of the destination. More than 0, at most 1000.
    package var requestsPerSecond: Double
    /// 1 to 1000.
    package var recordsPerRequest: Int
    /// For requests that are about one record each. More than 0, at most 1000; of events 2000.
    package var singleRequestsPerSecond: Double

    package init(requestsPerSecond: Double, recordsPerRequest: Int, singleRequestsPerSecond: Double = 50) {
        self.requestsPerSecond = requestsPerSecond
        self.recordsPerRequest = recordsPerRequest
        self.singleRequestsPerSecond = singleRequestsPerSecond
    }
}

/// How fast a destination is called, and how long answers are waited for.
package struct DestinationLimits: Sendable, Equatable {
    /// For each of subscribe and unsubscribe, shared by all syncs of the destination. More than 0, at most 1000.
    package var requestsPerSecond: Double = 5
    /// Members of a list in one request, 1 to 5000.
    package var subscribersPerRequest = 1000
    package var users = RecordLimits(requestsPerSecond: 5, recordsPerRequest: 1000)
    /// Of people who are looked up before they are sent. More than 0, at most 100
    /// (source: Iterable's API description, `GET /api/users/{email}`).
    package var lookUpsPerSecond: Double = 100
    package var events = RecordLimits(requestsPerSecond: 10, recordsPerRequest: 1000, singleRequestsPerSecond: 200)
    package var catalog = RecordLimits(requestsPerSecond: 20, recordsPerRequest: 1000)
    /// Most bytes of one request, 40,000 to 4,000,000 (Iterable's own limit is 4 MB).
    package var bytesPerRequest = 4_000_000
    /// Requests under way at once, 1 to 64.
    package var concurrentRequests = 4
    /// Seconds until a request without an answer is given up, 1 to 40.
    package var requestTimeoutSeconds: Double = 30
    /// Seconds that a request without an answer may still land after it was given up, 0 to 3600.
    package var settleSeconds: Double = 60
    /// The name of the warehouse in which processes share these rates; nil: the one with the sync's state.
    package var sharedIn: String?

    package init() {}

    /// Seconds from now within which a request that was just sent may still be carried out, whether or not it gets an answer.
    package var lostRequestSeconds: Double { requestTimeoutSeconds + settleSeconds }
}

/// What a warehouse is asked for. All three forms of the configuration become one of these two.
package enum AudienceSource: Sendable, Equatable {
    /// A table or view: parts of a dotted name, outermost first, already unquoted (`["crm", "vip customers"]`).
    case table([String])
    /// A single SELECT; `file` is where it was read from, nil when it stands in the configuration.
    case query(String, file: String?)
}

/// Which columns carry the identifiers. Both nil: columns called `email`, `user_id` or `userId` are taken,
/// as far as the project type can use them.
package struct ColumnMapping: Sendable, Equatable {
    package var email: String?
    package var userID: String?

    package init(email: String? = nil, userID: String? = nil) {
        self.email = email
        self.userID = userID
    }

    package var isAutomatic: Bool { email == nil && userID == nil }
}

/// The list a sync keeps.
package enum ListTarget: Sendable, Equatable {
    case id(Int64)
    /// `name` is the full name, prefix included.
    case name(String, description: String?)
}

/// What a sync keeps equal to its source.
package enum SyncTarget: Sendable, Equatable {
    case list(ListTarget)
    case users(UserSettings)
    case events(EventSettings)
    case catalog(CatalogSettings)

    package var kind: RecordKind {
        switch self {
        case .list: .list
        case .users: .users
        case .events: .events
        case .catalog: .catalog
        }
    }
}

/// When a plan is too drastic to be carried out without a person's approval.
package struct GuardSettings: Sendable, Equatable {
    package enum RemovalLimit: Sendable, Equatable {
        /// Share of the snapshot in percent, 0 to 100; a snapshot under 100 members is exempt.
        case percent(Double)
        /// Number of members, 0 or more; no exemption.
        case count(Int)
    }

    package var maxRemovals = RemovalLimit.percent(25)
    /// Share of the rows read that may be invalid, in percent, 0 to 100; nil: any. Not of lists.
    package var maxInvalid: Double?
    /// Share of the acknowledged records whose content may change, in percent, 0 to 100; nil: any. Of users alone.
    package var maxChanges: Double?
    /// Share of the acknowledged records that may get another address, in percent, 0 to 100; nil: any. Of users alone.
    package var maxIdentityChanges: Double?
    /// Events that one run may send, 0 or more; nil: any number. Of events alone.
    package var maxEvents: Int?
    /// Seconds that an event which is sent may lie in the past, 0 or more; nil: any time. Of events alone.
    package var maxAgeSeconds: Int?
    /// Whether an audience without one valid row may be carried out.
    package var allowEmpty = false

    package init() {}
}

/// How rows become people.
package struct IdentitySettings: Sendable, Equatable {
    /// Hybrid projects: an identifier that more rows than this carry, each with another other identifier, counts as none.
    /// 1 to 1,000,000.
    package var maxSharing = 10

    package init() {}
}

/// What is kept of each run, and for how long.
package struct LogSettings: Sendable, Equatable {
    package enum Records: String, Sendable, CaseIterable {
        case all
        case failures
    }

    package enum Identifiers: String, Sendable, CaseIterable {
        case plain
        case masked
        case hashed
    }

    /// False: no rows are written to `sync_log`.
    package var retain = true
    /// Days of 24 hours, 1 to 3650.
    package var retentionDays = 30
    package var records = Records.all
    package var identifiers = Identifiers.plain

    package init() {}
}

/// How often a sync runs by itself.
package struct ScheduleSettings: Sendable, Equatable {
    package enum Frequency: String, Sendable, CaseIterable {
        case fiveMinutes = "5m"
        case tenMinutes = "10m"
        case fifteenMinutes = "15m"
        case thirtyMinutes = "30m"
        case hour = "1h"
        case threeHours = "3h"
        case sixHours = "6h"
        case twelveHours = "12h"
        case day = "24h"

        /// Length in seconds.
        package var seconds: Int {
            switch self {
            case .fiveMinutes: 300
            case .tenMinutes: 600
            case .fifteenMinutes: 900
            case .thirtyMinutes: 1800
            case .hour: 3600
            case .threeHours: 10800
            case .sixHours: 21600
            case .twelveHours: 43200
            case .day: 86400
            }
        }
    }

    package var every: Frequency
    /// Seconds after midnight UTC through which the grid of ticks passes, 0 to 86399.
    package var at: Int

    package init(every: Frequency, at: Int = 0) {
        self.every = every
        self.at = at
    }
}

/// Everything that says what one sync does; names refer to the configuration's warehouses and destinations.
package struct SyncSettings: Sendable, Equatable {
    package var name: String
    package var warehouse: String
    package var destination: String
    package var enabled = true
    package var audience: AudienceSource
    /// How the rows of the audience are read; of no meaning for events.
    package var read = ReadSetting.all
    package var target: SyncTarget
    package var mapping = ColumnMapping()
    package var identity = IdentitySettings()
    /// Of lists: the fields that are sent with each member; nil: none are.
    package var memberFields: MemberFieldSettings?
    package var updateExistingUsersOnly = false
    package var placeholderEmails = false
    package var schedule: ScheduleSettings?
    /// Of events, users and catalogs with a cursor: what is new is sent as it comes. nil: by schedule, or when a run is asked for.
    package var stream: StreamSettings?
    package var guards = GuardSettings()
    package var logs = LogSettings()

    package init(
        name: String, warehouse: String, destination: String, audience: AudienceSource, target: SyncTarget
    ) {
        self.name = name
        self.warehouse = warehouse
        self.destination = destination
        self.audience = audience
        self.target = target
    }

    package init(name: String, warehouse: String, destination: String, audience: AudienceSource, list: ListTarget) {
        self.init(
            name: name, warehouse: warehouse, destination: destination, audience: audience, target: .list(list))
    }

    package var kind: RecordKind { target.kind }

    /// The column by which new rows are found; nil: there is none.
    package var cursor: EventSettings.Cursor? {
        switch target {
        case .list: nil
        case .users(let users): users.cursor
        case .events(let events): events.cursor
        case .catalog(let catalog): catalog.cursor
        }
    }

    /// The list that is kept; nil: the sync keeps something else.
    package var list: ListTarget? { if case .list(let list) = target { list } else { nil } }
}

/// A project in Iterable.
package struct DestinationSettings: Sendable, Equatable {
    package var name: String
    package var apiKey: Secret
    package var dataCenter = DataCenter.us
    package var projectType: ProjectType
    package var listNamePrefix = ""
    /// Base address, without a trailing slash; the data centre's own unless a sandbox or proxy is configured.
    package var baseURL: String
    /// One-way hash of the API key, by which the warehouse can tell whether two destinations are one project; nil: not known.
    package var keyHash: String?
    package var limits = DestinationLimits()

    package init(name: String, apiKey: Secret, projectType: ProjectType, baseURL: String = DataCenter.us.baseURL) {
        self.name = name
        self.apiKey = apiKey
        self.projectType = projectType
        self.baseURL = baseURL
    }

    /// Whether both are one project in Iterable: the same address and the same API key, or the very same destination.
    package func isSameProject(as other: DestinationSettings) -> Bool {
        name == other.name
            || (baseURL.utf8.elementsEqual(other.baseURL.utf8)
                && apiKey.reveal().utf8.elementsEqual(other.apiKey.reveal().utf8))
    }
}

/// A database that holds audiences and Rollcall's state.
package enum WarehouseSettings: Sendable, Equatable {
    /// Path of the database file. `waitSeconds`: how long a call waits for another program's lock.
    case sqlite(path: String, waitSeconds: Double = 120)
    /// Any libpq URI or keyword string. `waitSeconds`: how long a call waits for a connection or a lock.
    case postgres(
        url: Secret, stateSchema: String, options: PostgresOptions = PostgresOptions(), waitSeconds: Double = 120)
}

/// How audiences are read from Postgres.
package struct PostgresOptions: Sendable, Equatable {
    /// What to do where a row level security policy would hide rows of an audience.
    package enum RowSecurity: String, Sendable, CaseIterable {
        /// The run fails: rows that a new policy hides would look like people who left.
        case refuse
        /// The audience is what the policy shows.
        case apply
    }

    package var rowSecurity = RowSecurity.refuse
    /// Seconds that the reading of an audience may take, 0 or more; 0: no limit. The role's own `statement_timeout` holds
    /// where it is smaller.
    package var statementTimeoutSeconds: Double = 1800

    package init() {}
}
