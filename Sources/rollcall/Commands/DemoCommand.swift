import ArgumentParser
import Foundation
import IterableSandbox
import RollcallConfig
import RollcallCore
import SyncEngine
import Warehouse

struct DemoCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "demo",
        abstract: "See the main job with nothing set up: a shop, a sandbox, a list, profiles and events.",
        discussion: """
            Writes a sample SQLite warehouse and a configuration into a folder, starts a local \
            Iterable, runs a sync of a list, changes the audience, runs again, then syncs profiles \
            and events, and shows what happened and what to try next.
            """)

    @Argument(help: ArgumentHelp("Folder for the demo; replaced each time.", valueName: "dir"))
    var folder = "rollcall-demo"

    @Option(help: "Port of the sandbox on 127.0.0.1; the next free one is taken if it is in use.")
    var port = 8421

    @Flag(help: "Keep the sandbox running until Ctrl-C, to try things in another terminal.")
    var stay = false

    func run() async throws {
        let console = Console.standard
        try DemoFolder(path: folder).prepare()
        let (sandbox, port) = try await startSandbox()
        do {
            try await show(port, console)
            if stay {
                console.out("The sandbox stays at http://127.0.0.1:\(port) until Ctrl-C.")
                await Signals.first()
            }
        } catch {
            await sandbox.stop()
            throw error
        }
        await sandbox.stop()
    }

    private func startSandbox() async throws -> (Sandbox, Int) {
        var options = SandboxOptions()
        options.port = port
        options.projectType = .hybrid
        options.forgottenEmails = ["forgotten@example.com"]
        options.readRateLimits = false
        do {
            let sandbox = try Sandbox(options: options)
            return (sandbox, try await sandbox.start())
        } catch SandboxError.portInUse {
            options.port = 0
            let sandbox = try Sandbox(options: options)
            return (sandbox, try await sandbox.start())
        }
    }

    private func show(_ port: Int, _ console: Console) async throws {
        let demo = DemoFolder(path: folder)
        try demo.writeConfiguration(port: port)
        let app = App(
            try Configuration.load(path: demo.configuration, environment: [:]), console: console, verbose: false)
        let sync = try app.configuration.sync(named: "vip-customers")

        heading("1. A shop: \(demo.warehouse), 2,006 customers", console)
        console.out("   The audience is the view vip_customers. Which list it becomes says")
        console.out("   \(demo.configuration). A local Iterable is at http://127.0.0.1:\(port)")

        heading("2. The first run: everybody enters", console)
        let first = try await run(sync, app)

        heading("3. The shop changes", console)
        for line in DemoWarehouse.change.split(separator: "\n") { console.out("   \(line)") }
        try DemoWarehouse.applyChange(at: demo.warehouse)

        heading("4. The second run: only the difference is sent", console)
        let second = try await run(sync, app)

        heading("5. Which records failed, and why", console)
        try await showFailures(second, app)
        let others = try await showOtherKinds(demo, app)
        showSQL(demo, console)
        showNext(console, demo)
        if ([first, second] + others).contains(where: { $0.status == .failed }) {
            throw ExitCode(ExitStatus.failed.rawValue)
        }
    }

    /// Profiles and events, from the same shop.
    private func showOtherKinds(_ demo: DemoFolder, _ app: App) async throws -> [SyncRun] {
        heading("6. Profiles: fields of the same customers", app.console)
        let customers = try await run(try app.configuration.sync(named: "customers"), app)

        heading("7. Events: 200 orders, then two more", app.console)
        let orders = try app.configuration.sync(named: "orders")
        let first = try await run(orders, app)
        for line in DemoWarehouse.newOrders.split(separator: "\n") { app.console.out("   \(line)") }
        try DemoWarehouse.placeOrders(at: demo.warehouse)
        return [customers, first, try await run(orders, app)]
    }

    private func heading(_ text: String, _ console: Console) {
        console.out()
        console.out(console.styled(text, .bold))
    }

    private func run(_ sync: SyncSettings, _ app: App) async throws -> SyncRun {
        app.console.out(app.console.styled("   $ rollcall run \(sync.name)", .cyan))
        let outcome = try await app.withPipeline(sync) { pipeline, _ in await pipeline.run(RunRequest()) }
        switch outcome {
        case .ran(let run):
            for line in RunText(console: app.console).summary(run).split(separator: "\n") {
                app.console.out("   \(line)")
            }
            return run
        case .alreadyHeld(let run):
            throw RunError(code: "demo", message: "run \(run.id) is held")
        case .busy(let error), .failed(let error, _):
            throw error
        }
    }

    private func showFailures(_ run: SyncRun, _ app: App) async throws {
        app.console.out(app.console.styled("   $ rollcall log --run \(run.id) --status failed", .cyan))
        var filter = RecordFilter()
        filter.runID = run.id
        filter.status = "failed"
        let writer = RecordWriter(.table, app.console, hasRecords: false)
        try await app.forEachState { _, warehouse in
            try await warehouse.records(filter) { writer.add($0) }
        }
        writer.end()
    }

    private func showSQL(_ demo: DemoFolder, _ console: Console) {
        heading("8. It is all in the warehouse, to query with SQL", console)
        console.out("   $ sqlite3 \(demo.warehouse)")
        for line in DemoFolder.queries { console.out("   \(line)") }
    }

    private func showNext(_ console: Console, _ demo: DemoFolder) {
        heading("What to try next", console)
        console.out("   rollcall demo --stay          keeps the sandbox; then, in another terminal:")
        console.out("   cd \(folder)")
        console.out("   rollcall why vip-customers customer2@example.com")
        console.out("   rollcall plan vip-customers")
        console.out("   rollcall init my-shop         a commented configuration of your own")
    }
}

/// The demo's files.
struct DemoFolder {
    let path: String

    var warehouse: String { path + "/shop.sqlite" }
    var configuration: String { path + "/rollcall.yaml" }
    private var marker: String { path + "/.rollcall-demo" }

    static let queries = [
        "SELECT status, audience_size, succeeded_subscribe, succeeded_unsubscribe",
        "  FROM rollcall_sync_runs ORDER BY started_at;",
        "SELECT * FROM rollcall_failed_records;",
        "SELECT state, count(*) FROM rollcall_list_members GROUP BY state;",
        "SELECT state, count(*) FROM rollcall_synced_events GROUP BY state;",
    ]

    /// Makes the folder, or empties one that an earlier demo made; leaves any other folder alone.
    func prepare() throws {
        let files = FileManager.default
        let existing = (try? files.contentsOfDirectory(atPath: path)) ?? []
        if !existing.isEmpty && !existing.contains(".rollcall-demo") {
            throw RunError(
                code: "demo_folder", message: "the folder \(path) exists and is not an earlier demo's",
                hint: "Name another one: rollcall demo DIR")
        }
        do {
            try PrivateFiles.makeFolder(path)
            for name in existing where name.hasPrefix("shop.sqlite") { try files.removeItem(atPath: path + "/" + name) }
            try PrivateFiles.write("", to: marker)
            // SQLite takes an empty file for an empty database, and gives its journal the same mode.
            try PrivateFiles.write("", to: warehouse)
        } catch let error as PrivateFiles.Failure {
            throw RunError(code: "demo_folder", message: "cannot prepare \(path): \(error.description)")
        } catch {
            throw RunError(code: "demo_folder", message: "cannot prepare \(path): \(error.localizedDescription)")
        }
        try DemoWarehouse.create(at: warehouse)
    }

    func writeConfiguration(port: Int) throws {
        let text = """
            # The demo's configuration: one SQLite warehouse, the sandbox, and a list, profiles and events.
            warehouses:
              shop:
                type: sqlite
                path: shop.sqlite

            destinations:
              sandbox:
                type: iterable
                api_key: sandbox-key              # a real key comes from the environment: ${ITERABLE_API_KEY}
                project_type: hybrid
                base_url: http://127.0.0.1:\(port)

            syncs:
              vip-customers:
                warehouse: shop
                destination: sandbox
                audience:
                  table: vip_customers
                list:
                  name: VIP customers
                  description: People who spent more than 1000
                mapping:
                  email: email
                  user_id: customer_id

              customers:
                kind: users
                warehouse: shop
                destination: sandbox
                source:
                  table: customers
                key: customer_id
                mapping:
                  email: email
                  user_id: customer_id
                fields:
                  lifetimeValue: lifetime_value
                new_fields: create                # the sandbox has no such field yet

              orders:
                kind: events
                warehouse: shop
                destination: sandbox
                source:
                  table: orders
                key: order_id
                mapping:
                  user_id: customer_id
                event:
                  name: { value: order_placed }
                  created_at: placed_at
                fields:
                  total: total
                start: all                        # also what is there already; without it only new orders
                cursor:
                  column: order_id
                  overlap: 100

            """
        do { try PrivateFiles.write(text, to: configuration) } catch {
            throw RunError(code: "demo_folder", message: "cannot write \(configuration): \(error.description)")
        }
    }
}
