internal import Foundation
package import RollcallCore

/// A configuration that has been read and found right: every name refers to something, every number is in its range.
package struct Configuration: Sendable {
    /// The file as the user named it.
    package var path: String
    /// Absolute folder of the file; relative paths count from it.
    package var folder: String
    package var warehouses: [String: WarehouseSettings]
    /// Names in the order of the file.
    package var warehouseOrder: [String]
    /// Of each warehouse that is only read (`state`): the one in which state and logs of its syncs live, which has no entry.
    package var stateWarehouses: [String: String]
    package var destinations: [String: DestinationSettings]
    /// Names in the order of the file.
    package var destinationOrder: [String]
    /// In the order of the file.
    package var syncs: [SyncSettings]
    /// In the order of the file.
    package var receivers: [ReceiverSettings]
    /// How all receivers listen; what the file does not say has its default.
    package var receiverListen: ReceiverListenSettings
    /// Nil when the file has no `server`.
    package var server: ServerSettings?
    /// What `ROLLCALL_TOKENS` says, in the environment or in `.env`; nil: nothing.
    package var tokens: Secret?
    /// Nil when the file has no `alerts`.
    package var alerts: AlertSettings?
    /// What is not wrong but unwise, in the order of the lines.
    package var warnings: [ConfigurationProblem]
}

extension Configuration {
    /// Reads a file and the `.env` beside it; what `environment` has wins over `.env`.
    ///
    /// Throws everything that is wrong, in one go. No secret stands in the messages.
    package static func load(
        path: String, environment: [String: String]
    ) throws(ConfigurationErrors) -> Configuration {
        let problems = ProblemCollector(file: path)
        let folder = absoluteFolder(of: path)
        let local = EnvironmentFile.read(folder: folder, configuration: path, problems: problems)
        let merged = local.merging(environment) { _, real in real }
        let text: String
        do {
            text = try ConfigurationFile.read(path)
        } catch {
            problems.report(
                ConfigurationProblem(
                    file: path, line: error.position?.line, column: error.position?.column, message: error.message,
                    hint: error.hint ?? (error.isMissing ? missingHint : nil)))
            try problems.throwIfAny()
            throw ConfigurationErrors([])
        }
        return try read(text: text, folder: folder, environment: merged, problems: problems)
    }

    /// Reads a text as if it stood in `path`; `folder` is absolute. The environment is taken as it is: no `.env` is
    /// read. Query files are.
    package static func parse(
        text: String, path: String, folder: String, environment: [String: String]
    ) throws(ConfigurationErrors) -> Configuration {
        try read(text: text, folder: folder, environment: environment, problems: ProblemCollector(file: path))
    }

    static let missingHint =
        "\"rollcall init\" writes a commented configuration; \"rollcall demo\" shows everything with nothing set up."

    private static func read(
        text: String, folder: String, environment: [String: String], problems: ProblemCollector
    ) throws(ConfigurationErrors) -> Configuration {
        let text = text.first == "\u{FEFF}" ? String(text.dropFirst()) : text
        let source = SourceText(text)
        problems.use(source: source)
        try checkText(source, problems: problems)
        guard let document = YAMLDocument(source, problems: problems) else {
            try problems.throwIfAny()
            throw ConfigurationErrors([])
        }
        let isEmpty = document.root.isNull
        if isEmpty { problems.report(YAMLDocument.emptyFile(problems.file)) }
        if isEmpty { try problems.throwIfAny() }
        let reader = ConfigurationReader(
            ReadingContext(
                document: document, source: source, substitution: Substitution(environment: environment),
                problems: problems, folder: folder))
        try problems.throwIfAny()
        return Configuration(
            path: problems.file, folder: folder, warehouses: reader.warehouses, warehouseOrder: reader.warehouseOrder,
            stateWarehouses: reader.stateWarehouses, destinations: reader.destinations,
            destinationOrder: reader.destinationOrder, syncs: reader.syncs,
            receivers: reader.receivers, receiverListen: reader.receiverListen, server: reader.server,
            tokens: environment["ROLLCALL_TOKENS"].map { Secret($0) }, alerts: reader.alerts,
            warnings: problems.finishedWarnings())
    }

    private static func checkText(_ source: SourceText, problems: ProblemCollector) throws(ConfigurationErrors) {
        if source.text.utf8.count > ConfigurationFile.maximumBytes {
            problems.report(
                ConfigurationProblem(
                    file: problems.file, message: "the file is larger than 1 MiB, the most that is read"))
        } else if let found = source.firstForbiddenCharacter() {
            let code = String(found.scalar.value, radix: 16, uppercase: true)
            let padded = String(repeating: "0", count: max(0, 4 - code.count)) + code
            problems.report(
                ConfigurationProblem(
                    file: problems.file, line: found.position.line, column: found.position.column,
                    message: "the character U+\(padded) is not allowed in YAML", hint: "Delete it."))
        }
        try problems.throwIfAny()
    }

    private static func absoluteFolder(of path: String) -> String {
        URL(fileURLWithPath: path).standardizedFileURL.deletingLastPathComponent().path
    }
}

extension Configuration {
    /// The name of the warehouse in which state and logs of the syncs of a warehouse live: the warehouse itself unless it has `state`.
    package func stateWarehouse(of name: String) -> String { stateWarehouses[name] ?? name }

    /// The names of the warehouses that hold state, each once, in the order of the file: those that have no `state` themselves.
    package var stateOrder: [String] { warehouseOrder.filter { stateWarehouses[$0] == nil } }
}

extension Configuration {
    /// The receiver of a name; the error tells which name was probably meant.
    package func receiver(named name: String) throws(ConfigurationLookupError) -> ReceiverSettings {
        if let receiver = receivers.first(where: { $0.name == name }) { return receiver }
        throw ConfigurationLookupError(kind: .receiver, name: name, known: receivers.map(\.name), file: path)
    }

    /// The sync of a name; the error tells which name was probably meant.
    package func sync(named name: String) throws(ConfigurationLookupError) -> SyncSettings {
        if let sync = syncs.first(where: { $0.name == name }) { return sync }
        throw ConfigurationLookupError(kind: .sync, name: name, known: syncs.map(\.name), file: path)
    }

    /// The warehouse of a name; the error tells which name was probably meant.
    package func warehouse(named name: String) throws(ConfigurationLookupError) -> WarehouseSettings {
        if let warehouse = warehouses[name] { return warehouse }
        throw ConfigurationLookupError(kind: .warehouse, name: name, known: warehouseOrder, file: path)
    }

    /// The destination of a name; the error tells which name was probably meant.
    package func destination(named name: String) throws(ConfigurationLookupError) -> DestinationSettings {
        if let destination = destinations[name] { return destination }
        throw ConfigurationLookupError(kind: .destination, name: name, known: destinationOrder, file: path)
    }
}
