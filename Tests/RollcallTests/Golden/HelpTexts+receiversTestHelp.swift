extension HelpTexts {
    /// `rollcall receivers test --help`
    static let receiversTestHelp = #"""
        OVERVIEW: Post a sample of each type of event to a receiver; leaves nothing
        behind.

        Each type in each form of auth that the receiver takes, which it must answer
        with 204; a wrong token, 401; a body that is no JSON, 400. The requests say
        that they are tests (Rollcall-Test: 1), and are counted and otherwise
        forgotten. `rollcall serve` must run.

        USAGE: rollcall receivers test <receiver> [--url <url>] [<options>]

        ARGUMENTS:
          <receiver>              The receiver.

        OPTIONS:
          --url <url>             Where to post; default: server.receiver_listen.
                                  Without a path: the receiver's.
          --json                  Print a JSON object.
          --config <config>       The configuration; default: ROLLCALL_CONFIG, else
                                  rollcall.yaml in this folder.
          -v, --verbose           Say more on stderr.
          --version               Show the version.
          -h, --help              Show help information.
        """#
}
