internal import RollcallCore

/// Reads one entry of `destinations`.
enum DestinationReader {
    /// What is known of it, for the checks of the syncs; `settings` only where everything is all right.
    struct Draft {
        var projectType: ProjectType?
        var listNamePrefix: String?
        var settings: DestinationSettings?
    }

    private enum Kind: String {
        case iterable
    }

    /// - Parameter stateWarehouses: of each warehouse that is only read: where the state of its syncs lives.
    static func read(
        _ reader: SectionReader, name: String, warehouseNames: [String], stateWarehouses: [String: String]
    ) -> Draft {
        _ = reader.choice(DestinationKeys.type, of: Kind.self)
        let dataCenter = reader.choice(DestinationKeys.dataCenter, of: DataCenter.self) { text in
            ["europe": "eu", "usa": "us", "usdc": "us", "eudc": "eu"][Suggestion.normalized(text)]
        }
        let projectType = reader.choice(DestinationKeys.projectType, of: ProjectType.self)
        let address = baseAddress(reader)
        let key = apiKey(reader, isLoopback: address?.isLoopback ?? false, addressIsWrong: address == nil)
        let prefix =
            reader.has(DestinationKeys.listNamePrefix) ? reader.text(DestinationKeys.listNamePrefix)?.value : ""
        if dataCenter?.value == .eu, let projectType, projectType.value == .email {
            reader.reportWrong(
                DestinationKeys.projectType, projectType.map(\.rawValue),
                "is no type of a project in the EU data center",
                expected: "user_id or hybrid",
                hint: "Iterable's EU data center hosts hybrid and userId-based projects only.")
        }
        var draft = Draft(projectType: projectType?.value, listNamePrefix: prefix)
        let section = reader.section(DestinationKeys.limits)
        var limits = limits(section)
        limits.sharedIn = section.flatMap {
            $0.writableWarehouse(LimitKeys.sharedIn, among: warehouseNames, states: stateWarehouses) {
                "Processes write into it: set shared_in: \($0)."
            }
        }
        guard let key, let projectType = projectType?.value, let prefix else { return draft }
        var settings = DestinationSettings(name: name, apiKey: key, projectType: projectType)
        settings.dataCenter = dataCenter?.value ?? .us
        settings.listNamePrefix = prefix
        settings.baseURL = address?.text ?? settings.dataCenter.baseURL
        settings.limits = limits
        draft.settings = settings
        return draft
    }

    /// The data center's own address when none is given; nil when the one given is wrong.
    private static func baseAddress(_ reader: SectionReader) -> (text: String?, isLoopback: Bool)? {
        let key = DestinationKeys.baseURL
        guard reader.has(key) else { return (nil, false) }
        guard let given = reader.text(key) else { return nil }
        do {
            let address = try BaseAddress(given.value)
            if address.scheme == "http", !address.isLoopback {
                reader.reportWrong(
                    key, shown(given), "sends the API key in clear text",
                    expected: "https, unless the host is loopback (localhost, 127.0.0.0/8, ::1)")
            }
            return (address.text, address.isLoopback)
        } catch {
            reader.reportWrong(
                key, shown(given), error.reason, expected: "scheme and host, such as http://127.0.0.1:8421",
                hint: error.hint)
            return nil
        }
    }

    /// An address as it may be shown: without a user and a password.
    private static func shown(_ address: Located<String>) -> Located<String> {
        var address = address
        let userInfo = /:\/\/\S*@/.matchingSemantics(.unicodeScalar)
        address.original = address.original.replacing(userInfo) { _ in "://\(RedactedSource.mask)@" }
        return address
    }

    private static func apiKey(_ reader: SectionReader, isLoopback: Bool, addressIsWrong: Bool) -> Secret? {
        let key = DestinationKeys.apiKey
        guard let value = reader.text(key) else { return nil }
        let isLiteral = value.literal.contains { $0 != Substitution.placeholder && !$0.isWhitespace }
        if isLiteral, !isLoopback, !addressIsWrong {
            reportLiteral(value, reader)
            return nil
        }
        guard value.value.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F }) else {
            reader.report(
                at: key, "\(value.path) contains blanks or signs that an API key cannot have",
                expected: "printable ASCII without blanks")
            return nil
        }
        return Secret(value.value)
    }

    private static func reportLiteral(_ value: Located<String>, _ reader: SectionReader) {
        reader.report(
            at: DestinationKeys.apiKey, "\(value.path) is written into the file", expected: "no secret in the file",
            hint: "Put it into the environment or into .env beside the configuration, and write api_key: "
                + "${ITERABLE_API_KEY} here. Only with a loopback base_url (a sandbox) may it stand in the file.")
    }

    private static func limits(_ section: SectionReader?) -> DestinationLimits {
        var limits = DestinationLimits()
        guard let section else { return limits }
        if let value = section.number(LimitKeys.requestsPerSecond) { limits.requestsPerSecond = value }
        if let value = section.integer(LimitKeys.subscribersPerRequest) { limits.subscribersPerRequest = Int(value) }
        if let value = section.integer(LimitKeys.concurrentRequests) { limits.concurrentRequests = Int(value) }
        if let value = section.number(LimitKeys.requestTimeoutSeconds) { limits.requestTimeoutSeconds = value }
        if let value = section.number(LimitKeys.settleSeconds) { limits.settleSeconds = value }
        if let value = section.integer(LimitKeys.bytesPerRequest) { limits.bytesPerRequest = Int(value) }
        let users = section.section(LimitKeys.users)
        readRecords(
            users, rate: UserLimitKeys.requestsPerSecond, single: UserLimitKeys.singleRequestsPerSecond, &limits.users)
        if let value = users?.number(UserLimitKeys.lookUpsPerSecond) { limits.lookUpsPerSecond = value }
        readRecords(
            section.section(LimitKeys.events), rate: EventLimitKeys.requestsPerSecond,
            single: EventLimitKeys.singleRequestsPerSecond, &limits.events)
        readRecords(section.section(LimitKeys.catalog), rate: RecordLimitKeys.requestsPerSecond, &limits.catalog)
        return limits
    }

    private static func readRecords(
        _ reader: SectionReader?, rate: ConfigurationKey, single: ConfigurationKey? = nil, _ limits: inout RecordLimits
    ) {
        guard let reader else { return }
        if let value = reader.number(rate) { limits.requestsPerSecond = value }
        if let value = reader.integer(RecordLimitKeys.recordsPerRequest) { limits.recordsPerRequest = Int(value) }
        if let value = single.flatMap({ reader.number($0) }) { limits.singleRequestsPerSecond = value }
    }
}
