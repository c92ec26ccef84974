import ArgumentParser
import Iterable
import RollcallConfig
import RollcallCore

struct FieldsCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "fields", abstract: "Show the profile fields of an Iterable project.",
        usage: "rollcall fields <destination> [<options>]",
        discussion: "A field has the type of its first value, for ever.")

    @Argument(help: ArgumentHelp("The destination.", valueName: "destination"))
    var destination: String

    @Option(help: "Output format.")
    var format = OutputFormat.table

    @OptionGroup var options: ConfigurationOptions

    func run() async throws {
        let app = try App.load(options)
        let fields = try await app.asking(destination) { client, _ in try await client.profileFields() }
        app.console.out(FieldListing.of(fields).render(format, on: app.console))
    }
}

struct CatalogsCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "catalogs", abstract: "Show the catalogs of an Iterable project.",
        usage: "rollcall catalogs <destination> [<catalog>] [<options>]",
        discussion: """
            With the name of a catalog: its fields. Fields without a type cannot be used \
            in collections.
            """)

    @Argument(help: ArgumentHelp("The destination.", valueName: "destination"))
    var destination: String

    @Argument(help: ArgumentHelp("Show the fields of this catalog.", valueName: "catalog"))
    var catalog: String?

    @Option(help: "Output format.")
    var format = OutputFormat.table

    @OptionGroup var options: ConfigurationOptions

    func run() async throws {
        let app = try App.load(options)
        guard let catalog else {
            let names = try await app.asking(destination) { client, _ in try await client.catalogs() }
            var listing = Listing(columns: ["name"])
            listing.rows = names.map { [.text($0)] }
            app.console.out(listing.render(format, on: app.console))
            return
        }
        let fields = try await app.asking(destination) { client, _ in
            guard let fields = try await client.fields(ofCatalog: catalog) else {
                throw Self.missing(catalog, destination)
            }
            return fields
        }
        app.console.out(FieldListing.of(fields).render(format, on: app.console))
    }

    private static func missing(_ catalog: String, _ destination: String) -> RunError {
        RunError(
            code: "catalog_missing", message: "the project of \(destination) has no catalog \"\(catalog)\"",
            hint: "`rollcall catalogs \(destination)` shows those that there are.")
    }
}

private enum FieldListing {
    static func of(_ fields: [RemoteField]) -> Listing {
        var listing = Listing(columns: ["field", "type"])
        listing.rows = fields.map { [.text($0.name), Value($0.type)] }
        return listing
    }
}
