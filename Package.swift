// swift-tools-version: 6.2
import PackageDescription

let package = Package(
  name: "derphole",
  products: [
    .executable(name: "derphole", targets: ["derphole"]),
    .executable(name: "derptun", targets: ["derptun"]),
    .executable(name: "derprelay", targets: ["derprelay"]),
    .executable(name: "simulate", targets: ["simulate"]),
    .library(name: "Wire", targets: ["Wire"]),
  ],
  dependencies: [
    .package(url: "https://github.com/apple/swift-argument-parser", from: "1.5.0"),
    .package(url: "https://github.com/apple/swift-log", from: "1.14.0"),
    .package(url: "https://github.com/apple/swift-collections", from: "1.1.0"),
  ],
  targets: [
    // System libraries: module maps and thin shims, no logic.
    .systemLibrary(name: "CLibev", providers: [.apt(["libev-dev"])]),
    .systemLibrary(name: "CSodium", pkgConfig: "libsodium", providers: [.apt(["libsodium-dev"])]),
    .systemLibrary(name: "CGnuTLS", pkgConfig: "gnutls", providers: [.apt(["libgnutls28-dev"])]),
    .systemLibrary(
      name: "CNgtcp2", pkgConfig: "libngtcp2_crypto_gnutls",
      providers: [.apt(["libngtcp2-dev", "libngtcp2-crypto-gnutls-dev"])]),
    .systemLibrary(name: "CNATPMP", providers: [.apt(["libnatpmp-dev"])]),
    .systemLibrary(name: "CMiniUPnP", pkgConfig: "miniupnpc", providers: [.apt(["libminiupnpc-dev"])]),
    .systemLibrary(name: "CNamespaces"),
    .systemLibrary(name: "CArchive", pkgConfig: "libarchive", providers: [.apt(["libarchive-dev"])]),
    .systemLibrary(name: "CQRCode", pkgConfig: "libqrencode", providers: [.apt(["libqrencode-dev"])]),
    .systemLibrary(name: "CCurl", providers: [.apt(["libcurl4-gnutls-dev"])]),

    // The socket calls that Swift cannot import.
    .target(name: "CSockets"),

    // Pure rooms: bytes and events in, bytes and effects out.
    .target(name: "Basics"),
    .target(name: "Wire", dependencies: ["Basics"]),
    .target(name: "Crypto", dependencies: ["Basics", "CSodium", "CGnuTLS"]),
    .target(name: "Machines", dependencies: ["Basics", "Wire"]),
    .target(
      name: "Engine",
      dependencies: [
        "Basics", "Wire", "Crypto", "Machines", "CNgtcp2",
        .product(name: "DequeModule", package: "swift-collections"),
      ],
      // Tests run with the checks; here they would cost a fifteenth of the time that a packet takes.
      swiftSettings: [.unsafeFlags(["-enforce-exclusivity=unchecked"], .when(configuration: .release))],
      // The pkg-config file of ngtcp2's GnuTLS part names the library itself only for static linking.
      linkerSettings: [.linkedLibrary("ngtcp2")]),
    .target(
      name: "Relaying",
      dependencies: [
        "Basics", "Wire", "Crypto",
        .product(name: "DequeModule", package: "swift-collections"),
      ]),
    .target(
      name: "Simulator",
      dependencies: [
        "Basics", "Wire", "Crypto", "Machines", "Engine", "Relaying",
        .product(name: "DequeModule", package: "swift-collections"),
      ]),

    // Rooms that touch the world.
    .target(
      name: "Reactor",
      dependencies: [
        "Basics", "Wire", "Crypto", "Engine", "Relaying", "CLibev", "CGnuTLS", "CCurl", "CSockets", "CNATPMP",
        "CMiniUPnP", "CArchive",
        .product(name: "DequeModule", package: "swift-collections"),
      ]),
    .target(
      name: "Commands",
      dependencies: [
        "Basics", "Wire", "Crypto", "Machines", "Engine", "Relaying", "Reactor", "Simulator", "CQRCode",
        .product(name: "ArgumentParser", package: "swift-argument-parser"),
        .product(name: "Logging", package: "swift-log"),
      ]),
    .executableTarget(name: "derphole", dependencies: ["Commands"]),
    .executableTarget(name: "derptun", dependencies: ["Commands"]),
    .executableTarget(name: "derprelay", dependencies: ["Commands"]),
    .executableTarget(name: "simulate", dependencies: ["Commands"]),

    // Development tools, never linked into what ships.
    .target(name: "SpecCompiler"),
    .target(name: "Explorer", dependencies: ["SpecCompiler"]),
    .executableTarget(
      name: "spec-compiler",
      dependencies: [
        "SpecCompiler", "Explorer",
        .product(name: "ArgumentParser", package: "swift-argument-parser"),
      ]),

    .executableTarget(
      name: "lab",
      dependencies: [
        "Basics", "Reactor", "CNamespaces",
        .product(name: "ArgumentParser", package: "swift-argument-parser"),
      ],
      path: "Sources/Lab"),
    // Defines malloc for the whole program, so nothing else may link it.
    .target(name: "CAllocations"),
    .executableTarget(
      name: "allocations",
      dependencies: [
        "Basics", "Wire", "Crypto", "Engine", "CAllocations",
        .product(name: "ArgumentParser", package: "swift-argument-parser"),
      ],
      path: "Sources/AllocationBench"),

    .testTarget(name: "BasicsTests", dependencies: ["Basics"]),
    .testTarget(
      name: "WireTests", dependencies: ["Basics", "Wire", "Crypto", "Engine"], resources: [.copy("Vectors")]),
    .testTarget(name: "CryptoTests", dependencies: ["Basics", "Crypto", "CNgtcp2", "CNATPMP"]),
    .testTarget(name: "MachinesTests", dependencies: ["Machines"]),
    .testTarget(name: "SpecCompilerTests", dependencies: ["SpecCompiler", "Explorer"]),
    .testTarget(
      name: "EngineTests", dependencies: ["Basics", "Wire", "Crypto", "Machines", "Engine"],
      resources: [.copy("Vectors")]),
    .testTarget(name: "RelayingTests", dependencies: ["Basics", "Wire", "Crypto", "Relaying"]),
    .testTarget(name: "SimulatorTests", dependencies: ["Basics", "Wire", "Engine", "Simulator"]),
    .testTarget(
      name: "ReactorTests",
      dependencies: ["Basics", "Wire", "Crypto", "Engine", "Relaying", "Reactor", "CGnuTLS", "CSockets"]),
    .testTarget(
      name: "CommandsTests",
      dependencies: [
        "Basics", "Wire", "Engine", "Reactor", "Commands", .product(name: "Logging", package: "swift-log"),
        .product(name: "ArgumentParser", package: "swift-argument-parser"),
      ]),
    .testTarget(name: "EndToEndTests", dependencies: ["Basics", "Wire", "Crypto", "Engine", "Reactor"]),
  ],
  swiftLanguageModes: [.v6]
)
