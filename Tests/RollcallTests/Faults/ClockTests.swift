import Foundation
import IterableSandbox
import TestSupport
import Testing

/// A wall clock that jumps in mid-run. For SQLite, whose clock is the machine's, that is the clock of leases and times too.
@Suite(.timeLimit(.minutes(10)), .enabled(if: JumpingClock.isPossible, "a C compiler, cc, makes the clock jump"))
struct ClockTests {
    @Test(arguments: [Shop.Kind.sqlite, .postgres], [3600, -3600, 31_536_000, -31_536_000])
    func aJumpChangesNothing(_ kind: Shop.Kind, seconds: Int64) async throws {
        try await FaultScene.with(kind, tune: { $0.latencySeconds = 0.05 }) { scene in
            let clock = try JumpingClock(in: scene.shop.folder)
            try await scene.putsRight(environment: clock.environment)
            try await scene.leave(Set(1...15))
            try await scene.enter(Set(31...45))
            let history = try await scene.runs().count
            let before = scene.shop.sandbox.counts.requests
            let program = try scene.shop.start("run", "members", "--json", environment: clock.environment)
            try await scene.reached(4, since: before, program)
            try clock.jump(to: seconds)
            let end = try await program.output()
            #expect(end.code == 0, "\(end.all)")
            #expect(try await scene.runs().count == history + 1, "no history is lost")
            try await scene.isRight("in the run")
            // On with the clock as it is now, and then with the clock set right again.
            try await lateAndChanged(scene, 50, clock)
            try clock.jump(to: 0)
            try await lateAndChanged(scene, 60, clock)
        }
    }

    /// A request is lost with its process, the clock jumps back or forth before the next run, and people leave.
    @Test(arguments: [Shop.Kind.sqlite, .postgres], [-3600, -31_536_000])
    func aClockSetBackDoesNotHoldARunUp(_ kind: Shop.Kind, seconds: Int64) async throws {
        try await FaultScene.with(kind) { scene in
            let clock = try JumpingClock(in: scene.shop.folder)
            try clock.jump(to: -seconds)
            try await scene.putsRight(environment: clock.environment)
            scene.shop.sandbox.setFaults([Fault(.stall, seconds: 0.2, applies: false)])
            try await scene.enter(Set(31...36))
            let before = scene.deliveries.count
            let program = try scene.shop.start("run", "members", environment: clock.environment)
            _ = try await eventually { program.hasEnded || scene.deliveries.count > before }
            program.signal(SIGKILL)
            _ = try await program.output()
            scene.shop.sandbox.setFaults([])
            // The lost requests settle by the clock that was.
            _ = try await scene.shop.rollcall("run", "members", environment: clock.environment)
            let settling = try await scene.shop.query("SELECT 1 FROM \(scene.shop.state("settling_requests"))")
            #expect(!settling.isEmpty)
            try clock.jump(to: 0)
            try await scene.leave(Set(31...36))
            try await scene.putsRight(environment: clock.environment)
        }
    }

    /// A second process starts right after the jump: whichever of the two goes on, everything is right after them.
    @Test(arguments: [3600, -3600]) func twoProcessesWhenTheClockJumps(_ seconds: Int64) async throws {
        try await FaultScene.with(.sqlite, tune: { $0.latencySeconds = 0.1 }) { scene in
            let clock = try JumpingClock(in: scene.shop.folder)
            let first = try scene.shop.start("run", "members", "--json", environment: clock.environment)
            try await scene.reached(3, since: 0, first)
            try clock.jump(to: seconds)
            let second = try await scene.shop.rollcall("run", "members", "--json", environment: clock.environment)
            let end = try await first.output()
            #expect([0, 1].contains(end.code), "\(end.all)")
            #expect([0, 3, 5].contains(second.code), "\(second.all)")
            #expect(end.code == 0 || second.code != 5, "one of them goes on")
            try await scene.putsRight(environment: clock.environment)
        }
    }

    private func lateAndChanged(_ scene: FaultScene, _ number: Int, _ clock: JumpingClock) async throws {
        try await scene.enter(Set(number...number + 5))
        scene.shop.sandbox.setFaults([Fault(.lateApply, limit: 1, seconds: 0.3)])
        let run = try await scene.shop.rollcall("run", "members", environment: clock.environment)
        #expect(run.code == 0, "\(run.all)")
        scene.shop.sandbox.setFaults([])
        try await scene.leave(Set(number...number + 2))
        try await scene.putsRight(environment: clock.environment)
    }
}

/// A wall clock that a test sets, for programs that are started with its environment: a library that is loaded before
/// all others and adds a number of seconds, read from a file at each call.
struct JumpingClock {
    struct NotMade: Error {}

    private let offset: URL
    private let library: URL

    static let isPossible = ["/usr/bin/cc", "/usr/bin/clang", "/usr/bin/gcc"]
        .contains { FileManager.default.isExecutableFile(atPath: $0) }

    init(in folder: URL) throws {
        offset = folder.appendingPathComponent("clock-offset")
        library = folder.appendingPathComponent("jumping-clock.so")
        try jump(to: 0)
        let source = folder.appendingPathComponent("jumping-clock.c")
        try Data(Self.source.utf8).write(to: source)
        let compiler = Process()
        compiler.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        compiler.arguments = ["cc", "-shared", "-fPIC", "-O1", "-o", library.path, source.path]
        try compiler.run()
        compiler.waitUntilExit()
        guard compiler.terminationStatus == 0 else { throw NotMade() }
    }

    var environment: [String: String] { ["LD_PRELOAD": library.path, "CLOCK_OFFSET": offset.path] }

    /// Sets the clock this far from the true time.
    func jump(to seconds: Int64) throws {
        let bytes = withUnsafeBytes(of: seconds) { Data($0) }
        guard FileManager.default.fileExists(atPath: offset.path) else { return try bytes.write(to: offset) }
        // The same file: it is mapped into the programs.
        let handle = try FileHandle(forWritingTo: offset)
        try handle.write(contentsOf: bytes)
        try handle.close()
    }

    private static let source = """
        #define _GNU_SOURCE
        #include <fcntl.h>
        #include <stdlib.h>
        #include <sys/mman.h>
        #include <sys/syscall.h>
        #include <sys/time.h>
        #include <time.h>
        #include <unistd.h>

        static volatile long long *offset;

        __attribute__((constructor)) static void begin(void) {
            const char *path = getenv("CLOCK_OFFSET");
            int file = path ? open(path, O_RDONLY) : -1;
            if (file < 0) return;
            void *memory = mmap(0, 8, PROT_READ, MAP_SHARED, file, 0);
            if (memory != MAP_FAILED) offset = memory;
            close(file);
        }

        int clock_gettime(clockid_t clock, struct timespec *time) {
            int result = (int)syscall(SYS_clock_gettime, clock, time);
            if (result == 0 && offset && (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE))
                time->tv_sec += *offset;
            return result;
        }

        int gettimeofday(struct timeval *restrict value, void *restrict zone) {
            struct timespec now;
            (void)zone;
            clock_gettime(CLOCK_REALTIME, &now);
            value->tv_sec = now.tv_sec;
            value->tv_usec = now.tv_nsec / 1000;
            return 0;
        }

        time_t time(time_t *place) {
            struct timespec now;
            clock_gettime(CLOCK_REALTIME, &now);
            if (place) *place = now.tv_sec;
            return now.tv_sec;
        }
        """
}
