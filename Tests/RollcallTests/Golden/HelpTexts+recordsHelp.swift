extension HelpTexts {
    /// `rollcall records --help`
    static let recordsHelp = #"""
        OVERVIEW: Show the records of a sync and what became of each.

        The members of a list, users, items of a catalog or events, in an order that
        means nothing. Of an event that was sent its id is kept; of one that is still
        to be sent, or failed, also its key and its person.

        States are, of lists, subscribed, subscribing, unsubscribing and rejected; of
        users and catalogs synced, sending, removing and rejected; of events sent,
        sending, skipped, waiting and rejected.

        USAGE: rollcall records <sync> [--state <state>] [<options>]

        ARGUMENTS:
          <sync>                  The sync.

        OPTIONS:
          --state <state>         Only records in this state.
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
