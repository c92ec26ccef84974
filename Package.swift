// swift-tools-version: 6.2
import PackageDescription

/// One set of settings for every target: strict imports keep the layers honest, and `any` says where a box is.
var settings: [SwiftSetting] = [
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("MemberImportVisibility"),
    .enableUpcomingFeature("InternalImportsByDefault"),
]
// `make check` sets it: a warning is an error then, in our own targets only.
if Context.environment["ROLLCALL_STRICT"] != nil { settings.append(.treatAllWarnings(as: .error)) }

/// What tests and simulation spend their time in is optimised in debug builds too, with all its checks.
let hot = settings + [.unsafeFlags(["-O"], .when(configuration: .debug))]

let log = Target.Dependency.product(name: "Logging", package: "swift-log")
let nioCore = Target.Dependency.product(name: "NIOCore", package: "swift-nio")
let nioHTTP1 = Target.Dependency.product(name: "NIOHTTP1", package: "swift-nio")
let httpClient = Target.Dependency.product(name: "AsyncHTTPClient", package: "async-http-client")
let hummingbird = Target.Dependency.product(name: "Hummingbird", package: "hummingbird")
let grdb = Target.Dependency.product(name: "GRDB", package: "GRDB.swift")
let arguments = Target.Dependency.product(name: "ArgumentParser", package: "swift-argument-parser")
let mustache = Target.Dependency.product(name: "Mustache", package: "swift-mustache")
let hummingbirdCore = Target.Dependency.product(name: "HummingbirdCore", package: "hummingbird")
let httpTypes = Target.Dependency.product(name: "HTTPTypes", package: "swift-http-types")
let serviceLifecycle = Target.Dependency.product(name: "ServiceLifecycle", package: "swift-service-lifecycle")
let unixSignals = Target.Dependency.product(name: "UnixSignals", package: "swift-service-lifecycle")
let hummingbirdTesting = Target.Dependency.product(name: "HummingbirdTesting", package: "hummingbird")
let crypto = Target.Dependency.product(name: "Crypto", package: "swift-crypto")

let package = Package(
    name: "rollcall",
    products: [
        .executable(name: "rollcall", targets: ["rollcall"])
    ],
    dependencies: [
        .package(url: "https://github.com/apple/swift-argument-parser.git", from: "1.8.0"),
        .package(url: "https://github.com/apple/swift-log.git", from: "1.16.0"),
        .package(url: "https://github.com/apple/swift-nio.git", from: "2.101.0"),
        .package(url: "https://github.com/apple/swift-http-types.git", from: "1.8.0"),
        .package(url: "https://github.com/apple/swift-crypto.git", from: "4.5.0"),
        .package(url: "https://github.com/groue/GRDB.swift.git", from: "7.10.0"),
        .package(url: "https://github.com/hummingbird-project/hummingbird.git", from: "2.28.0"),
        .package(url: "https://github.com/hummingbird-project/swift-mustache.git", from: "2.1.0"),
        .package(url: "https://github.com/jpsim/Yams.git", from: "6.2.0"),
        .package(url: "https://github.com/swift-server/async-http-client.git", from: "1.37.0"),
        .package(url: "https://github.com/swift-server/swift-service-lifecycle.git", from: "2.13.0"),
    ],
    targets: [
        .systemLibrary(
            name: "CLibPQ", pkgConfig: "libpq", providers: [.apt(["libpq-dev"])]),
        .systemLibrary(name: "CMemory"),
        .systemLibrary(name: "CSQLite", providers: [.apt(["libsqlite3-dev"])]),
        .target(name: "RollcallCore", swiftSettings: hot),
        .target(name: "IterableProtocol", dependencies: ["RollcallCore"], swiftSettings: hot),
        .target(
            name: "Warehouse", dependencies: ["RollcallCore", "CLibPQ", "CSQLite", grdb, log], swiftSettings: hot),
        .target(
            name: "Iterable", dependencies: ["RollcallCore", "IterableProtocol", httpClient, nioCore, nioHTTP1, log],
            swiftSettings: settings),
        .target(
            name: "IterableSandbox", dependencies: [hummingbird, nioCore, log, crypto], swiftSettings: hot),
        .target(
            name: "SyncEngine", dependencies: ["RollcallCore", "Warehouse", "CMemory", crypto],
            swiftSettings: hot),
        .target(
            name: "Receivers", dependencies: ["RollcallCore", "Warehouse", crypto], swiftSettings: settings),
        .target(
            name: "RollcallConfig",
            dependencies: ["RollcallCore", .product(name: "Yams", package: "Yams")], swiftSettings: settings),
        .target(
            name: "Web",
            dependencies: [
                "RollcallCore", "Warehouse", "SyncEngine", "Receivers", hummingbird, hummingbirdCore, httpTypes,
                serviceLifecycle, mustache, nioCore, nioHTTP1, log, crypto,
            ],
            swiftSettings: settings),
        .executableTarget(
            name: "rollcall",
            dependencies: [
                "RollcallCore", "RollcallConfig", "Warehouse", "Iterable", "IterableSandbox", "SyncEngine", "Receivers",
                "Web", arguments, unixSignals, log, grdb, httpClient, nioCore, nioHTTP1, crypto,
            ],
            swiftSettings: settings),
        .target(name: "TemporaryFolders", path: "Tests/TemporaryFolders", swiftSettings: settings),
        .target(
            name: "TestSupport", dependencies: ["RollcallCore", "Warehouse", "CLibPQ", "TemporaryFolders", grdb],
            path: "Tests/TestSupport", swiftSettings: settings),
        .target(name: "SeededRandom", path: "Tests/SeededRandom", swiftSettings: settings),
        .testTarget(
            name: "RollcallCoreTests", dependencies: ["RollcallCore", "SeededRandom"], swiftSettings: settings),
        .testTarget(
            name: "IterableProtocolTests", dependencies: ["IterableProtocol", "RollcallCore", "SeededRandom"],
            swiftSettings: settings),
        .testTarget(
            name: "WarehouseTests",
            dependencies: ["Warehouse", "RollcallCore", "TestSupport", "TemporaryFolders", "SeededRandom", grdb],
            swiftSettings: settings),
        .testTarget(
            name: "IterableTests",
            dependencies: [
                "Iterable", "IterableProtocol", "RollcallCore", "SeededRandom", "TestSupport", hummingbird, nioCore,
                nioHTTP1, httpClient, log,
            ],
            swiftSettings: settings),
        .testTarget(
            name: "IterableSandboxTests",
            dependencies: [
                "IterableSandbox", httpClient, hummingbirdTesting,
            ],
            swiftSettings: settings),
        .testTarget(
            name: "SyncEngineTests",
            dependencies: [
                "SyncEngine", "Iterable", "IterableProtocol", "IterableSandbox", "Warehouse", "RollcallCore",
                "TestSupport", "TemporaryFolders", "SeededRandom",
            ],
            swiftSettings: settings),
        .target(
            name: "Simulation",
            dependencies: [
                "SyncEngine", "Warehouse", "IterableProtocol", "RollcallCore", "SeededRandom", "TemporaryFolders",
            ],
            path: "Tests/Simulation",
            swiftSettings: hot),
        .executableTarget(
            name: "simulate", dependencies: ["Simulation", arguments], path: "Tests/Simulate",
            swiftSettings: settings),
        .testTarget(
            name: "SimulationTests",
            dependencies: ["Simulation", "SyncEngine", "Warehouse", "RollcallCore", "TestSupport"],
            swiftSettings: settings),
        .testTarget(
            name: "ReceiversTests",
            dependencies: ["Receivers", "Warehouse", "RollcallCore", "TemporaryFolders", "SeededRandom", crypto],
            swiftSettings: settings),
        .testTarget(
            name: "WebTests",
            dependencies: [
                "Web", "SyncEngine", "Receivers", "Warehouse", "RollcallCore", "TestSupport", "TemporaryFolders",
                hummingbird,
                hummingbirdTesting, httpClient, nioCore, nioHTTP1, log, crypto,
            ],
            swiftSettings: settings),
        .testTarget(
            name: "RollcallConfigTests",
            dependencies: ["RollcallConfig", "RollcallCore", "SeededRandom", "TemporaryFolders"],
            swiftSettings: settings),
        .testTarget(
            name: "RollcallTests",
            dependencies: [
                "rollcall", "RollcallConfig", "SyncEngine", "Receivers", "Warehouse", "IterableSandbox", "TestSupport",
                "RollcallCore",
                "Iterable", httpClient, nioCore, nioHTTP1,
                "TemporaryFolders",
            ],
            swiftSettings: settings),
    ]
)
