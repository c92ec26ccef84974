extension HelpTexts {
    /// `rollcall records --help`
    static let recordsHelp = #"""
        OVERVIEW: Show the events of a sync: which were sent, wait, or failed for good.

        Their order means nothing. Of an event that was sent its id is kept; of one
        that is still to be sent, or failed, also its key and its person. Of other
        kinds, the tables synced_records and list_members have the same.

        USAGE: rollcall records <sync> [--state <state>] [<options>]

        ARGUMENTS:
          <sync>                  The sync.

        OPTIONS:
          --state <state>         sent, sending, skipped, waiting or rejected.
          --limit <limit>         How many, at most; 0 for all. (default: 100)
          --format <format>       Output format. (values: table, json, csv; default:
                                  table)
          --config <config>       The configuration; default: ROLLCALL_CONFIG, else
                                  rollcall.yaml in this folder.
          -v, --verbose           Say more on stderr.
          --version               Show the version.
          -h, --help              Show help information.
        """#
}
