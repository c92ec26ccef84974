import Foundation

// Two of glibc's functions (2.34 and later) that Swift's module of it leaves out.
@_silgen_name("posix_spawn_file_actions_addchdir_np")
private func changeFolder(
    _ actions: UnsafeMutablePointer<posix_spawn_file_actions_t>, _ path: UnsafePointer<CChar>
) -> Int32
@_silgen_name("posix_spawn_file_actions_addclosefrom_np")
private func closeFrom(_ actions: UnsafeMutablePointer<posix_spawn_file_actions_t>, _ first: Int32) -> Int32

/// Starts a program and hears of its end.
///
/// Foundation's `Process` copies a whole directory entry for each open descriptor when it starts a program; with more than some
/// 1,360 of them, as a busy suite has, the copy runs beyond its buffer and now and then ends the tests.
enum SpawnedProcess {
    struct NotStarted: Error, CustomStringConvertible {
        var description: String
    }

    /// - Parameter ended: gets the exit code, or the number of the signal that ended it, on a new thread.
    /// - Returns: the process's number.
    static func start(
        _ program: URL, _ arguments: [String], in folder: URL, environment: [String: String], output: Int32,
        errors: Int32, _ ended: @escaping @Sendable ((code: Int32, bySignal: Bool)) -> Void
    ) throws -> pid_t {
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0)
        posix_spawn_file_actions_adddup2(&actions, output, 1)
        posix_spawn_file_actions_adddup2(&actions, errors, 2)
        _ = changeFolder(&actions, folder.path)
        // What the tests have open is not the program's.
        _ = closeFrom(&actions, 3)
        var attributes = posix_spawnattr_t()
        posix_spawnattr_init(&attributes)
        defer { posix_spawnattr_destroy(&attributes) }
        var none = sigset_t()
        var all = sigset_t()
        sigemptyset(&none)
        sigfillset(&all)
        posix_spawnattr_setsigmask(&attributes, &none)
        posix_spawnattr_setsigdefault(&attributes, &all)
        posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF))
        let words = ([program.path] + arguments).map { strdup($0) } + [nil]
        let variables = environment.map { strdup("\($0.key)=\($0.value)") } + [nil]
        defer { for text in words + variables { free(text) } }
        var id: pid_t = 0
        let problem = posix_spawn(&id, program.path, &actions, &attributes, words, variables)
        guard problem == 0 else {
            throw NotStarted(description: "\(program.path): \(String(cString: strerror(problem)))")
        }
        let started = id
        Thread { ended(wait(for: started)) }.start()
        return started
    }

    private static func wait(for id: pid_t) -> (code: Int32, bySignal: Bool) {
        var status: Int32 = 0
        while waitpid(id, &status, 0) < 0 && errno == EINTR {}
        let signal = status & 0x7F
        return signal == 0 ? ((status >> 8) & 0xFF, false) : (signal, true)
    }
}
