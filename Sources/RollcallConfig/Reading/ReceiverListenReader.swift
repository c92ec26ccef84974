internal import RollcallCore

/// Reads what `server` says of all receivers.
enum ReceiverListenReader {
    /// - Parameters:
    ///   - reader: the section; nil: the file has none.
    ///   - server: what it says of the server itself.
    ///   - hasReceivers: whether there is anything to listen for.
    /// - Returns: nil when the address is wrong, which is reported.
    static func read(
        _ reader: SectionReader?, server: ServerSettings, hasReceivers: Bool, context: ReadingContext
    ) -> ReceiverListenSettings? {
        var settings = ReceiverListenSettings()
        settings.spoolPath = SpoolFolder.usual(context)
        guard let reader else { return settings }
        let isRight = readAddress(reader, &settings)
        if let bytes = reader.size(ReceiverListenKeys.maxBody) { settings.maxBody = Int(bytes) }
        settings.trustedProxies = reader.addressRanges(ReceiverListenKeys.trustedProxies, refusesAll: true)
        readSpool(reader, &settings)
        guard isRight else { return nil }
        if hasReceivers || reader.has(ReceiverListenKeys.receiverListen) { checkApart(settings, server, reader) }
        return settings
    }

    private static func readAddress(_ reader: SectionReader, _ settings: inout ReceiverListenSettings) -> Bool {
        let key = ReceiverListenKeys.receiverListen
        guard reader.has(key) else { return true }
        guard let listen = reader.text(key) else { return false }
        guard let address = ServerSettings.address(listen.value) else {
            reader.reportWrong(
                key, listen, "is no address to listen on",
                expected: "host:port, such as 127.0.0.1:8430 or [::1]:8430")
            return false
        }
        settings.host = address.host
        settings.port = address.port
        return true
    }

    /// Dashboard and API must not be where Iterable posts to.
    private static func checkApart(
        _ settings: ReceiverListenSettings, _ server: ServerSettings, _ reader: SectionReader
    ) {
        guard settings.port != 0, settings.port == server.port, meet(settings.host, server.host) else { return }
        let own = ReceiverListenKeys.receiverListen
        let key = reader.has(own) ? own : ServerKeys.listen
        let other = reader.has(own) ? "server.listen" : "receivers"
        reader.report(
            at: key, "\(reader.path(of: key.name)) is the address of \(other) too", expected: "two different ports",
            hint: "Receivers listen apart from dashboard and API, so that a public port shows neither; by default "
                + "at 127.0.0.1:8430 and 127.0.0.1:8420.")
    }

    /// Whether two hosts are, or may be, one address of this machine.
    private static func meet(_ one: String, _ other: String) -> Bool {
        let hosts = Set([one.lowercased(), other.lowercased()])
        if hosts.count == 1 || !hosts.isDisjoint(with: ["0.0.0.0", "::"]) { return true }
        return hosts.contains("localhost") && !hosts.isDisjoint(with: ["127.0.0.1", "::1"])
    }

    private static func readSpool(_ reader: SectionReader, _ settings: inout ReceiverListenSettings) {
        let key = ReceiverListenKeys.receiverSpool
        guard let section = reader.section(key, as: ReceiverSpoolKeys.section) else {
            if let (word, _) = reader.freeText(key) { readSpool(word, reader, &settings) }
            return
        }
        if let path = section.text(ReceiverSpoolKeys.path) {
            if path.value.hasPrefix("~") {
                section.reportWrong(
                    ReceiverSpoolKeys.path, path, "begins with \"~\", which is not expanded", expected: "a path",
                    hint: "Write ${HOME} in its place.")
            } else {
                settings.spoolPath = reader.context.absolutePath(path.value)
            }
        }
        if let bytes = section.size(ReceiverSpoolKeys.maxSize) { settings.spoolBytes = bytes }
    }

    /// A single word.
    private static func readSpool(
        _ word: Located<String>, _ reader: SectionReader, _ settings: inout ReceiverListenSettings
    ) {
        let off = ReceiverListenKeys.off
        settings.spoolPath = nil
        guard word.value != off else { return }
        let isOff = ["off", "false", "no", "none", "never"].contains(word.value.lowercased())
        let mapping = ByteSize.bytes(word.value) == nil ? "{ path: \(word.value) }" : "{ max_size: \(word.value) }"
        reader.reportWrong(
            ReceiverListenKeys.receiverSpool, word, "is neither off nor a mapping",
            suggestion: word.value != word.original ? nil : isOff ? off : mapping,
            expected: "off, or a mapping such as { path: /var/lib/rollcall/spool, max_size: 1GB }")
    }
}

/// The folder in which bodies wait where the file names none.
enum SpoolFolder {
    /// In the folder for state that systemd gives a service, else in the user's as the XDG Base Directory Specification has it,
    /// else beside the configuration. Another file has another one: what waits there goes into the warehouses of that file.
    static func usual(_ context: ReadingContext) -> String {
        let environment = context.substitution.environment
        let places = [("STATE_DIRECTORY", ""), ("XDG_STATE_HOME", "/rollcall"), ("HOME", "/.local/state/rollcall")]
        for (variable, below) in places {
            let value = environment[variable] ?? ""
            // systemd may give several folders, with colons between them.
            let folder = variable == places[0].0 ? value.prefix { $0 != ":" } : value[...]
            if folder.hasPrefix("/") { return "\(folder)\(below)/spool-\(name(of: context))" }
        }
        return context.absolutePath(".rollcall-spool")
    }

    /// 16 hexadecimal digits that stand for the path of the configuration.
    private static func name(of context: ReadingContext) -> String {
        let file = context.problems.file.split(separator: "/").last ?? ""
        let (hash, _) = Array(context.absolutePath(String(file)).utf8).withUnsafeBytes { SipHash(key: []).hash($0) }
        let digits = String(hash, radix: 16)
        return String(repeating: "0", count: 16 - digits.count) + digits
    }
}
