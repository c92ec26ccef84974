import ArgumentParser
import Foundation
import RollcallConfig
import RollcallCore
import SyncEngine
import Warehouse

struct MigrateCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "migrate", abstract: "Create or upgrade the state tables (the first run does it too).")

    @Argument(help: ArgumentHelp("Only this warehouse.", valueName: "warehouse"))
    var warehouse: String?

    @Flag(help: "Print one JSON object per warehouse.")
    var json = false

    @OptionGroup var options: ConfigurationOptions

    func run() async throws {
        let app = try App.load(options)
        if let warehouse { _ = try app.configuration.warehouse(named: warehouse) }
        try await app.forEachState(warehouse) { name, warehouse in
            let result = try await warehouse.migrate()
            if json {
                let object = JSON.object([
                    "warehouse": .string(name), "from": .integer(result.from), "to": .integer(result.to),
                ])
                app.console.out(object.text)
            } else if result.from == result.to {
                app.console.out("\(name): up to date (version \(result.to))")
            } else {
                let from = result.from.map { "from version \($0) " } ?? ""
                app.console.out("\(name): state tables brought \(from)to version \(result.to)")
            }
        }
    }
}

struct PruneCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "prune", abstract: "Delete logs and runs older than each sync keeps them, now.")

    @Argument(help: ArgumentHelp("Only this warehouse.", valueName: "warehouse"))
    var warehouse: String?

    @Flag(help: "Print one JSON object per warehouse.")
    var json = false

    @OptionGroup var options: ConfigurationOptions

    func run() async throws {
        let app = try App.load(options)
        if let warehouse { _ = try app.configuration.warehouse(named: warehouse) }
        try await app.forEachState(warehouse) { name, warehouse in
            let result = try await warehouse.prune(app.configuration.retention)
            let object = JSON.object([
                "warehouse": .string(name), "runs": .integer(result.runs), "records": .integer(result.records),
                "ticks": .integer(result.ticks),
            ])
            app.console.out(
                json
                    ? object.text
                    : "\(name): deleted \(result.records) log rows, \(result.runs) runs, \(result.ticks) ticks")
        }
    }
}

struct SchemaCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "schema", abstract: "Print the JSON Schema of rollcall.yaml, for editors and checks.")

    func run() throws { Console.standard.out(ConfigurationSchema.json) }
}

struct InitCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "init", abstract: "Write a commented rollcall.yaml to start from.")

    @Argument(help: ArgumentHelp("The folder; default: this one.", valueName: "dir"))
    var folder = "."

    func run() throws {
        let console = Console.standard
        do {
            try PrivateFiles.makeFolder(folder)
        } catch {
            throw RunError(
                code: "folder", message: "cannot make the folder \(folder): \(error.description)",
                hint: "Name another: rollcall init DIR")
        }
        let path = (folder == "." ? "" : folder + "/") + "rollcall.yaml"
        do throws(PrivateFiles.Failure) {
            try PrivateFiles.create(ConfigurationTemplate.yaml(), at: path)
        } catch {
            let exists = error.code == EEXIST
            throw RunError(
                code: "file", message: "cannot write \(path): \(exists ? "it exists already" : error.description)",
                hint: exists
                    ? "Move it away first, or name another folder: rollcall init DIR"
                    : "Who runs this command must be able to write the folder; or name another one: rollcall init DIR")
        }
        console.out("wrote \(path)")
        let enter = folder == "." ? "" : "`cd \(DisplayText.safe(folder))`, "
        console.outSentence(
            "\(enter)fill in the warehouse and the audience, put ITERABLE_API_KEY into .env, then `rollcall check`",
            after: "next: ")
    }
}
