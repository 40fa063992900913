// swift-tools-version: 6.2
import PackageDescription

/// What every target of ours is built with; strictness is not a per-target choice.
let strict: [SwiftSetting] = [
  .strictMemorySafety(),
  .treatAllWarnings(as: .error),
  .enableUpcomingFeature("InternalImportsByDefault"),
  .enableUpcomingFeature("ExistentialAny"),
  .enableUpcomingFeature("MemberImportVisibility"),
  // Exclusive access is checked at run time in debug builds, which every test runs on; in the
  // release build the checks were a twelfth of the server's user time (QuotaService, decisions).
  .unsafeFlags(["-enforce-exclusivity=unchecked"], .when(configuration: .release)),
]

/// For targets that return borrowed bytes.
let borrowing: [SwiftSetting] = strict + [.enableExperimentalFeature("Lifetimes")]

let package = Package(
  name: "quotalog",
  products: [
    .executable(name: "quotalog", targets: ["quotalog"])
  ],
  targets: [
    // Debian libraries as modules; one Swift target each imports them, and two CCrypto: QuotaService for
    // tokens, Evidence for trees and signatures.
    .systemLibrary(name: "CLMDB"),
    .systemLibrary(name: "CXXHash"),
    .systemLibrary(name: "CCrypto"),
    .systemLibrary(name: "CUTF8Proc"),

    .target(name: "LMDB", dependencies: ["CLMDB"], swiftSettings: borrowing),
    .target(name: "QuotaModel", swiftSettings: borrowing),
    // Bytes as text.
    .target(name: "Encodings", swiftSettings: strict),
    .testTarget(name: "EncodingsTests", dependencies: ["Encodings"], swiftSettings: strict),
    .target(name: "Evidence", dependencies: ["CCrypto", "Encodings"], swiftSettings: strict),
    .target(
      name: "EventLog", dependencies: ["LMDB", "QuotaModel", "Evidence", "CXXHash"],
      swiftSettings: borrowing),
    .target(
      name: "Projections", dependencies: ["LMDB", "QuotaModel"], swiftSettings: borrowing),
    .target(
      name: "QuotaService",
      dependencies: [
        "EventLog", "Evidence", "Projections", "QuotaModel", "LMDB", "CCrypto", "CUTF8Proc",
      ],
      swiftSettings: borrowing),

    .target(
      name: "Sessions", dependencies: ["QuotaService", "QuotaModel", "JSON"],
      swiftSettings: strict),

    .systemLibrary(name: "CLibevent"),
    .systemLibrary(name: "CHTTPParser"),
    .systemLibrary(name: "CMalloc"),
    .target(name: "EventLoop", dependencies: ["CLibevent"], swiftSettings: strict),
    .target(
      name: "HTTPServer", dependencies: ["EventLoop", "CHTTPParser"], swiftSettings: strict),
    // Events as lines of JSON, written and read.
    .target(name: "EventJSON", dependencies: ["QuotaModel", "JSON"], swiftSettings: strict),
    .target(
      name: "QuotaAPI",
      dependencies: [
        "EventJSON", "Sessions", "QuotaService", "QuotaModel", "EventLog", "Evidence", "HTTPServer",
        "JSON",
      ], swiftSettings: strict),
    .target(
      name: "CopilotRuntime",
      dependencies: [
        "Sessions", "QuotaService", "QuotaModel", "ChatCompletions", "HTTPClient", "EventLoop",
        "JSON", "Encodings",
      ], swiftSettings: strict),
    .target(
      name: "Webhooks",
      dependencies: [
        "EventJSON", "QuotaService", "QuotaModel", "HTTPClient", "EventLoop", "JSON", "Encodings",
      ], swiftSettings: strict),
    .testTarget(
      name: "WebhooksTests",
      dependencies: [
        "Webhooks", "Encodings", "QuotaAPI", "QuotaService", "QuotaModel", "EventLoop", "JSON",
        "LedgerSimulation", "TestSupport",
      ], swiftSettings: strict),
    .executableTarget(
      name: "quotalog",
      dependencies: [
        "Webhooks",
        "CopilotRuntime", "QuotaAPI", "EventJSON", "QuotaService", "Sessions", "QuotaModel",
        "EventLog", "Evidence", "HTTPServer", "HTTPClient", "EventLoop", "JSON", "CMalloc",
      ],
      swiftSettings: strict),

    // Requests to other servers.
    .systemLibrary(name: "CCurl"),
    .target(name: "HTTPClient", dependencies: ["EventLoop", "CCurl"], swiftSettings: strict),
    .testTarget(
      name: "HTTPClientTests", dependencies: ["HTTPClient", "EventLoop"], swiftSettings: strict),

    // JSON over simdjson's tokeniser; the grammar walk is C++ behind a C header.
    .target(
      name: "CSimdJSON",
      linkerSettings: [.linkedLibrary("simdjson"), .linkedLibrary("stdc++")]),
    .target(name: "JSON", dependencies: ["CSimdJSON"], swiftSettings: strict),

    // What models are asked and what they answer.
    .target(name: "ChatCompletions", dependencies: ["JSON"], swiftSettings: strict),
    .testTarget(
      name: "ChatCompletionsTests", dependencies: ["ChatCompletions", "TestSupport"],
      swiftSettings: strict),

    .testTarget(
      name: "HTTPServerTests", dependencies: ["EventLoop", "HTTPServer"], swiftSettings: strict),
    .testTarget(
      name: "CopilotRuntimeTests",
      dependencies: [
        "CopilotRuntime", "EventLoop", "JSON", "QuotaModel", "QuotaService", "Sessions",
        "TestSupport",
      ], swiftSettings: strict),
    .testTarget(name: "JSONTests", dependencies: ["JSON"], swiftSettings: strict),
    .target(
      name: "TestSupport", dependencies: ["QuotaModel"], path: "Tests/TestSupport",
      swiftSettings: strict),
    .testTarget(
      name: "QuotaModelTests", dependencies: ["QuotaModel", "TestSupport"], swiftSettings: strict),
    .testTarget(
      name: "EvidenceTests", dependencies: ["Evidence", "TestSupport"], swiftSettings: strict),
    .testTarget(
      name: "LMDBTests", dependencies: ["LMDB", "TestSupport"], swiftSettings: borrowing),
    .testTarget(
      name: "EventLogTests",
      dependencies: ["EventLog", "Evidence", "LMDB", "QuotaModel", "TestSupport"],
      swiftSettings: borrowing),
    .testTarget(
      name: "ProjectionsTests",
      dependencies: ["Projections", "EventLog", "LMDB", "QuotaModel", "TestSupport"],
      swiftSettings: borrowing),

    // Random histories and what a naive reckoning makes of them, for several test targets.
    .target(
      name: "LedgerSimulation", dependencies: ["QuotaService", "Projections", "QuotaModel"],
      path: "Tests/LedgerSimulation", swiftSettings: strict),
    .testTarget(
      name: "QuotaServiceTests",
      dependencies: [
        "QuotaService", "QuotaModel", "EventLog", "Evidence", "Projections", "LedgerSimulation",
      ], swiftSettings: strict),
    .testTarget(
      name: "EventJSONTests",
      dependencies: ["EventJSON", "EventLog", "QuotaModel", "JSON", "TestSupport"],
      swiftSettings: strict),
    .testTarget(
      name: "QuotaAPITests",
      dependencies: [
        "QuotaAPI", "EventLog", "Sessions", "QuotaService", "QuotaModel", "HTTPServer", "EventLoop",
        "JSON", "LedgerSimulation", "TestSupport",
      ],
      swiftSettings: strict),
    .testTarget(
      name: "CommandTests",
      dependencies: ["QuotaService", "QuotaModel", "EventLog", "JSON", "LedgerSimulation"],
      swiftSettings: strict),
  ],
  swiftLanguageModes: [.v6],
  cxxLanguageStandard: .cxx17
)
