extension HelpTexts {
    /// `rollcall sandbox --help`
    static let sandboxHelp = #"""
        OVERVIEW: Run a local Iterable to try things on.

        The lists, users, events and catalogs calls of Iterable's API with their
        validation, limits and partial failures. State is kept in memory and shown at
        the printed address.

        With --webhook, what becomes of messages is posted there, as Iterable does it:
        people who enter a list, and custom events, cause messages that are opened,
        clicked, bounced. No message is sent. The token stands in an environment
        variable, never on the command line.

        Faults, each with --fault, as often as wanted:
        A fault is KIND or KIND:OPTION=VALUE,OPTION=VALUE…

        Kinds:
          400…599      an answer with this status (429, 500, 401: JSON; 413, 502, 503,
        504: HTML)
          drop-before  close the connection, apply nothing
          drop-after   apply the request, then close the connection without an answer
          stall        wait, then apply and answer (apply=no: wait, then close the
        connection)
          late-apply   close the connection at once, apply the request later
          truncated    apply, answer 200 with half of the JSON
          html         answer 200 with an HTML page, apply nothing
          empty        answer 200 with no body, apply nothing
          wrong-types  apply, answer 200 with JSON of the wrong types
          accept-only  answer as if it was applied, apply nothing

        Kinds for the events that go to the webhook, with p, nth, count and seconds:
          duplicate    send the event twice
          reorder      send the event after later ones of the same request
          drop         never send the event
          retry-on-5xx after a 5xx status or no answer, try again; 5 attempts at most

        Options:
          p=0.1          for each matching request with this probability, 0 to 1
        (default 1)
          nth=3          for the third matching request only
          count=2        at most twice
          op=subscribe   only subscribe; also unsubscribe, list (both, the default) and
        any (every call)
          path=/api/users  only paths that start like this
          seconds=5      how long stall, late-apply and retry-on-5xx wait, 0 to 3600
                         (default 5)
          apply=yes|no   whether the request takes effect, where the kind leaves the
        choice
          retry-after=7  a Retry-After header, for kinds that are a status

        Examples: 500:p=0.1   429:nth=3,retry-after=2  
        late-apply:seconds=5,p=0.02,op=subscribe

        USAGE: rollcall sandbox [--port <port>] [--fault <fault> ...] [<options>]

        OPTIONS:
          --port <port>           Port on 127.0.0.1; 0 takes a free one. (default: 8421)
          --api-key <api-key>     The API key it accepts. (default: sandbox-key)
          --project-type <project-type>
                                  email, user_id or hybrid (default: hybrid).
          --data-center <data-center>
                                  us or eu (default: us).
          --requests-per-second <requests-per-second>
                                  Limit for each of subscribe and unsubscribe; none
                                  when left out.
          --latency <latency>     Seconds that each subscribe and unsubscribe takes.
                                  (default: 0.0)
          --bulk-events-after <bulk-events-after>
                                  Seconds until what trackBulk has accepted is there.
                                  (default: 0.0)
          --catalog-items-after <catalog-items-after>
                                  Seconds until accepted changes of catalog items are
                                  carried out. (default: 0.0)
          --read-limits/--no-read-limits
                                  Allow size, getUsers and previewUsers 5 times a
                                  minute only, as Iterable does. (default:
                                  --read-limits)
          --fault <fault>         A fault to produce.
          --forgotten-email <email>
                                  An address that is forgotten (GDPR).
          --forgotten-user-id <user-id>
                                  A userId that is forgotten (GDPR).
          --disallow-event <name> A name of events that the project does not take.
          --webhook <url>         Post what becomes of messages here, such as
                                  http://127.0.0.1:8430/webhooks/iterable.
          --webhook-auth <form>   How the webhook's token is sent: bare, basic, base64
                                  or oauth2; not at all when left out.
          --webhook-token-env <variable>
                                  The environment variable that holds the webhook's
                                  token (default: ITERABLE_WEBHOOK_TOKEN).
          --webhook-user-id       Events that are posted have a userId, as Iterable
                                  does on request.
          --seed <seed>           Seed of everything random. (default: 1)
          --version               Show the version.
          -h, --help              Show help information.
        """#
}
