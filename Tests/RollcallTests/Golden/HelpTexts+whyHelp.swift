extension HelpTexts {
    /// `rollcall why --help`
    static let whyHelp = #"""
        OVERVIEW: Explain one person or record: in the source, in Iterable, what
        happened, what comes next.

        Reads the source once to the end and plans the next run; writes nothing.

        USAGE: rollcall why <sync> <identifier> [<options>]

        ARGUMENTS:
          <sync>                  The sync.
          <identifier>            An email, in any spelling, or a userId; of a record
                                  its key, of a catalog also an item's id, of events an
                                  event's.

        OPTIONS:
          --limit <limit>         How many logged outcomes, at most; 0: all. (default:
                                  20 in a table, all in other formats)
          --format <format>       Output format. (values: table, json, csv; default:
                                  table)
          --config <config>       The configuration; default: ROLLCALL_CONFIG, else
                                  rollcall.yaml in this folder.
          -v, --verbose           Say more on stderr.
          --version               Show the version.
          -h, --help              Show help information.
        """#
}
