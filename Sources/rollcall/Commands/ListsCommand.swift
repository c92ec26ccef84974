import ArgumentParser
import Foundation
import Iterable
import RollcallConfig
import RollcallCore

struct ListsCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "lists",
        abstract: "Show or make lists of an Iterable project.",
        subcommands: [Show.self, Create.self], defaultSubcommand: Show.self)

    struct Show: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "show", abstract: "Show the lists of the project.",
            usage: "rollcall lists show <destination> [<options>]")

        @Argument(help: ArgumentHelp("The destination.", valueName: "destination"))
        var destination: String

        @Option(help: "Output format.")
        var format = OutputFormat.table

        @OptionGroup var options: ConfigurationOptions

        func run() async throws {
            let app = try App.load(options)
            let lists = try await app.asking(destination) { client, _ in try await client.lists() }
            var listing = Listing(columns: ["id", "name", "type", "description", "created_at"])
            listing.rows = lists.map {
                [
                    .integer($0.id), .text($0.name), .text($0.listType), Value($0.description),
                    Value($0.createdAt.map { Date(timeIntervalSince1970: Double($0) / 1000) }),
                ]
            }
            app.console.out(listing.render(format, on: app.console))
        }
    }

    struct Create: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "create", abstract: "Make a Standard list, unless one of that name exists.",
            usage: "rollcall lists create <destination> <name> [<options>]",
            discussion: "The destination's list_name_prefix is put before the name, as for lists that runs make.")

        @Argument(help: ArgumentHelp("The destination.", valueName: "destination"))
        var destination: String

        @Argument(help: ArgumentHelp("Name of the list, without the prefix.", valueName: "name"))
        var name: String

        @Option(help: "Description shown in Iterable.")
        var description: String?

        @Flag(help: "Print a JSON object.")
        var json = false

        @OptionGroup var options: ConfigurationOptions

        func validate() throws {
            if name.trimmingCharacters(in: .whitespacesAndNewlines).isEmpty {
                throw ValidationError("A list needs a name.")
            }
        }

        func run() async throws {
            let app = try App.load(options)
            let (id, full) = try await app.asking(destination) { client, settings in
                let prefix = settings.listNamePrefix
                let full = name.hasPrefix(prefix) ? name : prefix + name
                return (try await create(full, client), full)
            }
            app.console.out(
                json
                    ? JSON.object(["list_id": .integer(id), "name": .string(full)]).text
                    : "list \(id) \"\(full)\" made in \(destination)")
        }

        private func create(_ full: String, _ client: any Destination) async throws -> Int64 {
            if let existing = try await client.lists().first(where: { $0.isNamed(full) }) {
                throw RunError(
                    code: "list_exists",
                    message: "there is a list \"\(full)\" already: \(existing.id) (\(existing.listType))",
                    hint: "Use it with list.id: \(existing.id), or choose another name.")
            }
            return try await client.createList(name: full, description: description)
        }
    }
}
