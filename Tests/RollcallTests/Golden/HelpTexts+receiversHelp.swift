extension HelpTexts {
    /// `rollcall receivers --help`
    static let receiversHelp = #"""
        OVERVIEW: Show what takes Iterable's webhooks, or try it.

        USAGE: rollcall receivers <subcommand>

        OPTIONS:
          --version               Show the version.
          -h, --help              Show help information.

        SUBCOMMANDS:
          show (default)          Show every receiver: path, warehouse, latest event,
                                  counts of today (UTC).
          test                    Post a sample of each type of event to a receiver;
                                  leaves nothing behind.

          See 'rollcall help receivers <subcommand>' for detailed help.
        """#
}
