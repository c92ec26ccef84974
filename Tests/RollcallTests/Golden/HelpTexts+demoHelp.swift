extension HelpTexts {
    /// `rollcall demo --help`
    static let demoHelp = #"""
        OVERVIEW: See the main job with nothing set up: a shop, a sandbox, a list,
        profiles and events.

        Writes a sample SQLite warehouse and a configuration into a folder, starts a
        local Iterable, runs a sync of a list, changes the audience, runs again, then
        syncs profiles and events, and shows what happened and what to try next.

        USAGE: rollcall demo [<dir>] [--port <port>] [--stay]

        ARGUMENTS:
          <dir>                   Folder for the demo; replaced each time. (default:
                                  rollcall-demo)

        OPTIONS:
          --port <port>           Port of the sandbox on 127.0.0.1; the next free one
                                  is taken if it is in use. (default: 8421)
          --stay                  Keep the sandbox running until Ctrl-C, to try things
                                  in another terminal.
          --version               Show the version.
          -h, --help              Show help information.
        """#
}
