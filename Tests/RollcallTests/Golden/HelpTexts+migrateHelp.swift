extension HelpTexts {
    /// `rollcall migrate --help`
    static let migrateHelp = #"""
        OVERVIEW: Create or upgrade the state tables (the first run does it too).

        USAGE: rollcall migrate [<warehouse>] [--json] [--config <config>] [--verbose]

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
