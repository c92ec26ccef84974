extension HelpTexts {
    /// `rollcall prune --help`
    static let pruneHelp = #"""
        OVERVIEW: Delete logs and runs older than each sync keeps them, now.

        USAGE: rollcall prune [<warehouse>] [--json] [--config <config>] [--verbose]

        ARGUMENTS:
          <warehouse>             Only this warehouse.

        OPTIONS:
          --json                  Print one JSON object per warehouse.
          --config <config>       The configuration; default: ROLLCALL_CONFIG, else
                                  rollcall.yaml in this folder.
          -v, --verbose           Say more on stderr.
          --version               Show the version.
          -h, --help              Show help information.
        """#
}
