extension HelpTexts {
    /// `rollcall serve --help`
    static let serveHelp = #"""
        OVERVIEW: Run schedules, streams, receivers, the HTTP API and the dashboard.

        Runs until SIGTERM or Ctrl-C: runs under way stop after the requests that are
        being answered, and are interrupted; a second signal gives those requests up.
        SIGHUP, or a change of the files, reloads the configuration: a right one takes
        effect as a whole, a wrong one is refused as a whole and the old one stays.

        Several processes may serve one warehouse: each tick and each sync is run, or
        streamed, by one of them. Without a token (ROLLCALL_TOKENS or server.tokens) it
        listens on loopback only.

        Receivers have a listener apart (server.receiver_listen). At the end, what they
        have taken is stored, or kept in the spool folder for the next start.

        USAGE: rollcall serve [--listen <host:port>] [<options>]

        OPTIONS:
          --listen <host:port>    Listen here; default: server.listen, else
                                  127.0.0.1:8420.
          --log-format <format>   Lines on stderr. (values: text, json; default: text)
          --config <config>       The configuration; default: ROLLCALL_CONFIG, else
                                  rollcall.yaml in this folder.
          -v, --verbose           Say more on stderr.
          --version               Show the version.
          -h, --help              Show help information.
        """#
}
