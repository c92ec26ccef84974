internal import RollcallCore

/// Reads `receivers`, with the warehouses and destinations they may refer to.
struct ReceiverReader {
    /// How all receivers listen; nil where that is wrong, which has been reported.
    let listen: ReceiverListenSettings?
    let warehouseNames: [String]
    /// Of each warehouse that is only read: where the state of its syncs lives.
    let stateWarehouses: [String: String]
    let destinationNames: [String]
    let destinations: [String: DestinationReader.Draft]

    /// Those that are right, in the order of the file.
    func read(_ entries: [SectionReader.Named]) -> [ReceiverSettings] {
        var owners: [String: String] = [:]
        return entries.compactMap { entry in
            let path = ReceiverPath.read(entry.reader)
            if let path, let owner = owners[path.value] {
                entry.reader.reportWrong(
                    ReceiverKeys.path, path, "is the path of receivers.\(owner) already",
                    expected: "another path", hint: "What is posted there belongs to one receiver.")
            } else if let path {
                owners[path.value] = entry.name
            }
            return read(entry.reader, name: entry.name, path: path?.value)
        }
    }

    private enum Kind: String {
        case iterable
    }

    private func read(_ reader: SectionReader, name: String, path: String?) -> ReceiverSettings? {
        _ = reader.choice(ReceiverKeys.type, of: Kind.self)
        let warehouse = reader.writableWarehouse(
            ReceiverKeys.warehouse, among: warehouseNames, states: stateWarehouses
        ) { "What is received is written into it: set warehouse: \($0)." }
        let destination = reader.reference(ReceiverKeys.destination, to: destinationNames, what: "destination")
        let credentials = credentials(reader, destination)
        let events = ReceivedNames.read(reader)
        let requiresUserID = reader.boolean(ReceiverKeys.requireUserID)
        let identifiers = reader.choice(ReceiverKeys.identifiers, of: LogSettings.Identifiers.self)
        let allowFrom = reader.addressRanges(ReceiverKeys.allowFrom)
        let days = reader.integer(ReceiverKeys.retentionDays)
        warn(of: allowFrom, reader)
        guard let path, let warehouse else { return nil }
        var settings = ReceiverSettings(name: name, path: path, warehouse: warehouse, destination: destination)
        settings.credentials = credentials
        if let events { settings.events = events }
        if let requiresUserID { settings.requiresUserID = requiresUserID }
        if let identifiers { settings.identifiers = identifiers.value }
        settings.allowFrom = allowFrom
        if let days { settings.retentionDays = Int(days) }
        return settings
    }

    private func credentials(_ reader: SectionReader, _ destination: String?) -> [ReceiverSettings.Credential] {
        let key = ReceiverKeys.auth
        let auth = reader.section(
            key, hint: "Write it below: auth:, then basic: [ \"${ITERABLE_WEBHOOK_TOKEN}\" ] on the next line.")
        if let auth, ReceiverAuthKeys.section.keys.contains(where: auth.isMeant) {
            return CredentialReader.read(auth, mayBeLiteral: isSandbox(destination))
        }
        // Of one that is misspelt, or no mapping, that has been reported.
        let isLeftOut = auth != nil || !reader.isMeant(key) || reader.isEmpty(key)
        if let listen, !listen.isLoopback, isLeftOut {
            reader.report(
                at: key, "\(reader.path) has no auth, and server.receiver_listen is not loopback",
                expected: "auth with basic, oauth2 or header",
                hint: "Anybody who finds the address could write into the warehouse. Write auth: { basic: [ "
                    + "\"${ITERABLE_WEBHOOK_TOKEN}\" ] }, and type the same token into Iterable's webhook.")
        }
        return []
    }

    /// Whether tokens protect nothing but a sandbox on this machine, so that they may stand in the file.
    private func isSandbox(_ destination: String?) -> Bool {
        guard listen?.isLoopback ?? true, let destination, let draft = destinations[destination] else { return false }
        // What is wrong with it has been reported.
        guard let settings = draft.settings else { return true }
        return (try? BaseAddress(settings.baseURL))?.isLoopback ?? false
    }

    /// On loopback, everything comes from this machine unless a proxy says from where.
    private func warn(of ranges: [AddressRange], _ reader: SectionReader) {
        guard let listen, listen.isLoopback, listen.trustedProxies.isEmpty, !ranges.isEmpty,
            !ranges.contains(where: { $0.contains("127.0.0.1") || $0.contains("::1") })
        else { return }
        reader.context.warn(
            at: reader.position(of: ReceiverKeys.allowFrom), path: reader.path(of: ReceiverKeys.allowFrom.name),
            "\(reader.path).allow_from refuses every post: on loopback all of them come from this machine",
            hint: "Name the proxy before it in server.trusted_proxies, such as [127.0.0.1]; its X-Forwarded-For counts "
                + "then.")
    }
}

/// Reads `path`.
private enum ReceiverPath {
    private static let taken = "/healthz"

    static func read(_ reader: SectionReader) -> Located<String>? {
        guard let path = reader.text(ReceiverKeys.path) else { return nil }
        guard let (fault, hint) = fault(path.value) else { return path }
        reader.reportWrong(
            ReceiverKeys.path, path, fault, expected: "a path such as /webhooks/iterable/engagement", hint: hint)
        return nil
    }

    private static func fault(_ path: String) -> (fault: String, hint: String?)? {
        if path.contains("://") {
            return ("is an address", "Leave out scheme and host: what comes before the path is the proxy's.")
        }
        guard path.hasPrefix("/") else { return ("does not begin with \"/\"", nil) }
        if path.contains("?") || path.contains("#") {
            return ("has a query or a fragment", "Tell receivers apart by their paths; a token goes into auth.")
        }
        let parts = path.split(separator: "/", omittingEmptySubsequences: false).dropFirst()
        if parts.contains("..") || parts.contains(".") { return ("has a part \".\" or \"..\"", nil) }
        if parts.dropLast().contains("") { return ("has an empty part", nil) }
        if path == taken { return ("is the path that says whether the listener is well", nil) }
        guard path.utf8.allSatisfy(isPlain) else {
            return ("has signs that need percent-encoding", "Use letters, digits, \"-\", \"_\" and \".\".")
        }
        return nil
    }

    /// A sign that stands for itself in a path. Source: RFC 3986, section 3.3, without percent-encoding.
    private static func isPlain(_ byte: UInt8) -> Bool {
        ASCII.isLetterOrDigit(byte) || "/-._~!$&'()*+,;=:@".utf8.contains(byte)
    }
}

/// Reads `events`.
private enum ReceivedNames {
    static func read(_ reader: SectionReader) -> ReceiverSettings.Events? {
        guard reader.isList(ReceiverKeys.events) else { return all(reader) }
        guard let names = reader.locatedTexts(ReceiverKeys.events) else { return nil }
        if names.contains(where: { $0.value == ReceiverKeys.all }) {
            reader.report(
                at: ReceiverKeys.events, "\(reader.path(of: ReceiverKeys.events.name)) has all among its names",
                hint: "Write events: all, or the names without it.")
            return nil
        }
        let known = KnownEvents.names + [ReceiverKeys.unknown]
        for name in names where !known.contains(name.value) {
            let isLiteral = name.value == name.original
            reader.context.warn(
                at: name.position, path: name.path,
                "\(TextLayout.quoted(name.original)) is no event that Iterable is known to post (\(name.path))",
                suggestion: isLiteral ? Suggestion.nearest(to: name.value, among: known).map(TextLayout.quoted) : nil,
                hint: "If Iterable does post it, it is kept.")
        }
        let chosen = Set(names.map(\.value))
        return .named(
            chosen.subtracting([ReceiverKeys.unknown]), unknown: chosen.contains(ReceiverKeys.unknown))
    }

    /// A single word instead of a list.
    private static func all(_ reader: SectionReader) -> ReceiverSettings.Events? {
        guard let word = reader.text(ReceiverKeys.events) else { return nil }
        if word.value == ReceiverKeys.all { return .all }
        let isAll = ["all", "any", "*", "every", "everything"].contains(word.value.lowercased())
        reader.reportWrong(
            ReceiverKeys.events, word, "is neither all nor a list of names",
            suggestion: word.value != word.original ? nil : isAll ? ReceiverKeys.all : "[\(word.value)]",
            expected: "all, or a list of names such as [emailOpen, emailClick]")
        return nil
    }
}
