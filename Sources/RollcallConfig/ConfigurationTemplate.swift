/// What `rollcall init` writes: a configuration that names every key and says what it does.
package enum ConfigurationTemplate {
    package enum Warehouse: String, Sendable, CaseIterable {
        case sqlite
        case postgres
    }

    /// Text of a commented `rollcall.yaml`. It loads unchanged once `ITERABLE_API_KEY`, and for Postgres
    /// `WAREHOUSE_DATABASE_URL`, are in the environment or in `.env`.
    package static func yaml(warehouse: Warehouse = .sqlite) -> String {
        [header, warehouses(warehouse), destinations, syncs, receivers, alerts, server].joined(separator: "\n")
    }

    /// Text of a `.env` to be filled in; it must not be readable by others.
    package static func environmentFile(warehouse: Warehouse = .sqlite) -> String {
        var text = "# Secrets of rollcall.yaml. Keep this file out of version control, and: chmod 600 .env\n"
        if warehouse == .postgres {
            text += "WAREHOUSE_DATABASE_URL=postgresql://user:password@localhost:5432/database\n"
        }
        return text + "ITERABLE_API_KEY=\n"
    }

    private static let header = """
        # Rollcall keeps lists, profiles and catalogs in Iterable equal to what a warehouse says, and sends its events; what
        # Iterable says of messages, it keeps there.
        #
        # ${NAME} and ${NAME:-default} are taken from the environment, or from a file .env beside this one; secrets
        # belong there. Relative paths count from this file's folder. A # starts a comment: take it away to use a line.
        # Check the file with "rollcall check"; "rollcall schema" prints its JSON Schema for editors.

        """

    private static func warehouses(_ warehouse: Warehouse) -> String {
        let sqlite = [
            "type: sqlite",
            "path: warehouse.sqlite              # the database file",
        ]
        let postgres = [
            "type: postgres",
            "url: ${WAREHOUSE_DATABASE_URL}      # any libpq URI or keyword string: sslmode, service, passfile... all hold",
            "state_schema: rollcall              # where state and logs are kept",
            "# state: another                    # or another warehouse that keeps them; this one is only read then",
            "# row_security: refuse              # apply: an audience is what row level security policies show",
            "# statement_timeout_seconds: 1800   # for reading an audience; the role's own holds where it is smaller",
            "# wait_seconds: 120                 # for connections and locks, before a run fails",
        ]
        let (used, other) = warehouse == .sqlite ? (sqlite, postgres) : (postgres, sqlite)
        return
            (["# Databases that hold audiences, and Rollcall's state and logs.", "warehouses:", "  main:"]
            + used.map { "    \($0)" } + ["  # another:"] + other.map { "  #   \($0)" } + [""]).joined(separator: "\n")
    }

    private static let destinations = """
        # Projects in Iterable.
        destinations:
          iterable:
            type: iterable
            api_key: ${ITERABLE_API_KEY}        # a server-side key
            data_center: us                     # us -> api.iterable.com, eu -> api.eu.iterable.com
            project_type: hybrid                # email | user_id | hybrid: decides which identifiers may be mapped
            list_name_prefix: ""                # put before the name of every list
            # base_url: http://127.0.0.1:8421   # only for a sandbox or a proxy; https unless the host is loopback
            limits:
              requests_per_second: 5            # for each of subscribe and unsubscribe, shared by all syncs
              subscribers_per_request: 1000
              concurrent_requests: 4
              request_timeout_seconds: 30
              settle_seconds: 60                # how long a request that got no answer may still land
              bytes_per_request: 4000000
              # shared_in: main                 # the warehouse in which processes share these limits; left out: where the state is
              users:
                requests_per_second: 5
                records_per_request: 1000
                single_requests_per_second: 50  # renames and deletions, one person each
                look_ups_per_second: 100        # of people, where mode: update asks whether Iterable knows them
              events:
                requests_per_second: 10
                records_per_request: 1000
                single_requests_per_second: 200 # of syncs with delivery: single
              catalog:
                requests_per_second: 20         # for each of put and delete
                records_per_request: 1000

        """

    private static let syncs = """
        # Each sync keeps one list, fields of users' profiles, or one catalog, equal to a table or query; or it sends
        # the rows as events.
        syncs:
          vip-customers:
            kind: list                          # list | users | events | catalog
            warehouse: main
            destination: iterable
            enabled: true
            audience:                           # exactly one of table, query and query_file
              table: vip_customers              # schema.table; double quotes as in SQL
              # query: SELECT email, customer_id FROM customers WHERE lifetime_value > 1000
              # query_file: audiences/vip.sql
              # read: all                       # Postgres: changed reads rows of groups that changed; auto: what costs less
            list:                               # by name, or by id
              name: VIP customers               # an existing list of this name is adopted; else the first run creates it
              description: People who spent more than 1000
              # id: 1068682
            mapping:                            # left out: columns called email, user_id or userId are taken
              email: email
              user_id: customer_id
            # fields:                           # written to the profile of each member; all, or one by one
            #   plan: plan                      # Iterable's field: the column; more as under customers
            # nulls: clear                      # clear | skip | always
            identity:                           # hybrid projects only
              max_sharing: 10                   # an identifier beside more different others than this counts as none
            update_existing_users_only: false   # hybrid and user_id projects only: true creates nobody in Iterable
            placeholder_emails: false           # email projects only: true lets user_id be mapped alone
            schedule:                           # left out: manual only
              every: 30m                        # 5m 10m 15m 30m 1h 3h 6h 12h 24h
              at: "06:00"                       # UTC; the grid of ticks passes through this time of day
            guards:                             # a plan beyond them is held until a person approves it
              max_removals: 25%                 # of the snapshot (from 100 members on), or a count
              allow_empty: false                # an audience without one valid row holds the run
              # max_invalid: 20%                # of the rows read; not for lists
            logs:
              retain: true
              retention_days: 30
              records: all                      # all | failures
              identifiers: plain                # plain | masked | hashed: how people appear in sync_log

          # customers:
          #   kind: users
          #   warehouse: main
          #   destination: iterable
          #   source:                           # table | query | query_file: one row for each person
          #     table: customers
          #   key: customer_id                  # names a row for ever; or [columns]; left out: user_id's column, or email's
          #   mapping:                          # left out: columns called email, user_id or userId are taken
          #     user_id: customer_id
          #     email: email
          #   mode: upsert                      # update: people whom Iterable does not know are left out
          #   fields:                           # or all: every column under its own name, with except: [columns]
          #     firstName: first_name
          #     plan: { column: plan, default: free }
          #     lifetimeValue: { column: ltv, type: double, nulls: skip }
          #     address.city: city              # dots nest
          #     home_geo_location: { column: [lat, lon], type: geo }
          #     source: { value: warehouse }
          #   nulls: clear                      # clear what this sync has put there | skip | always clear
          #   nested: replace                   # merge: members of an object that are not sent stay
          #   new_fields: refuse                # create: fields that the project does not have are made
          #   duplicates: refuse                # or { newest: updated_at }: which of several rows of one key is sent
          #   on_leave: keep                    # profiles whose rows are gone stay | clear | delete
          #   identity_changes: rename          # the profile gets the new address | refuse: the record fails
          #   # cursor: updated_at              # of a stream: grows when a row comes or changes; more as under orders
          #   # stream: {}                      # in place of a schedule: changed rows are sent as they come
          #   guards:
          #     max_identity_changes: 1%
          #     max_changes: 50%                # of the users whom Iterable has from this sync; 100% is no limit
          #     max_invalid: 20%

          # orders:
          #   kind: events
          #   warehouse: main
          #   destination: iterable
          #   source:                           # table | query | query_file: one row for each event
          #     table: order_events
          #   key: [order_id, status]           # names an event for ever: a column, or [columns]
          #   mapping:                          # left out: columns called email, user_id or userId are taken
          #     user_id: customer_id
          #   event:
          #     name: event_name                # a column; { value: order_placed } names all of them so
          #     names: [order_placed, order_shipped]  # beside a column of names: only these are sent
          #     id: derived                     # made of namespace and key; or a column
          #     namespace: orders               # left out: the name of the sync
          #     created_at: placed_at           # { column: placed_at, unit: s } of whole numbers: s | ms
          #     campaign_id: { column: campaign_id, default: 123 }
          #     template_id: { value: 456 }
          #   fields:                           # left out: none; or all: every column that has no other use
          #     total: { column: total, type: double }
          #     shipping.city: city             # dots nest
          #   new_fields: create                # refuse: fields that the project does not have fail the run
          #   start: now                        # none of the rows that are there already are sent; or all, 30d, a date
          #   cursor:                           # left out: each run reads the whole source
          #     column: loaded_at
          #     overlap: 15m                    # how far before the highest value a run reads again; of numbers: 10000
          #     sweep: 24h                      # how often a run reads further back
          #   changed_rows: ignore              # update: the event is sent again under the same id
          #   after: customers                  # events wait until that sync of users has sent their person
          #   wait_for_user: 24h                # how long an event waits for its person
          #   delivery: bulk                    # single: one event a request
          #   # stream:                         # in place of a schedule: "rollcall serve" sends new rows as they come
          #   #   poll: 5s                      # how often it looks for them, 1s to 60s
          #   #   linger: 1s                    # how long a notification waits for others
          #   #   wake: orders_changed          # Postgres: a channel of NOTIFY that makes it look at once
          #   guards:
          #     max_events: 100000              # in one run; off: any number
          #     max_age: 7d                     # by created_at; off: any time
          #     max_invalid: 20%

          # products:
          #   kind: catalog
          #   warehouse: main
          #   destination: iterable
          #   source:                           # table | query | query_file: one row for each item
          #     table: products
          #   key: sku                          # the item's id; { column: sku, encode: true } takes any text
          #   catalog:
          #     name: products                  # letters, digits and hyphens
          #     create: true                    # the first run makes it
          #   mode: mirror                      # upsert | mirror: items whose rows are gone are deleted
          #   documents: replace                # merge: fields of an item that the sync does not fill stay
          #   fields: all                       # every column under its own name; or a mapping:
          #   # cursor: updated_at              # with stream: {} in place of a schedule, as under customers
          #   # fields:
          #   #   title: title
          #   #   price: { column: price, type: double, default: 0 }
          #   #   updatedAt: { column: updated_at, type: date, time_zone: Europe/Berlin }
          #   #   shop: { value: main }
          #   except: [cost]                    # beside fields: all
          #   duplicates: refuse                # or { newest: updated_at }: which of several rows of one key is sent
          #   verify: { sample: 20, within: 30m } # 20 items of a run are read back half an hour later

        """

    private static let receivers = """
        # Addresses to which Iterable posts what became of messages; "rollcall serve" keeps the events in a warehouse.
        # receivers:
        #   engagement:
        #     type: iterable
        #     path: /webhooks/iterable/engagement
        #     warehouse: main
        #     destination: iterable             # labels the events; "rollcall check" asks it about its webhooks
        #     auth:                             # any one of these; may be missing on loopback
        #       basic: [ "${ITERABLE_WEBHOOK_TOKEN}" ]  # as typed into Iterable; several while one is replaced
        #       # oauth2: [ "${ITERABLE_WEBHOOK_TOKEN}" ]
        #       # header: { name: X-Webhook-Token, value: "${ITERABLE_WEBHOOK_TOKEN}" }
        #     events: all                       # or [emailOpen, emailClick, unknown]
        #     require_user_id: false            # true: events without a userId are counted and not kept
        #     identifiers: plain                # plain | masked | hashed: how people appear, also in the payload
        #     allow_from: []                    # addresses and ranges that may post; empty: all
        #     retention_days: 400

        """

    private static let alerts = """
        # Where "rollcall serve" sends alerts when a sync or a receiver needs attention.
        # alerts:
        #   failures_over: 0                    # failed and invalid records of a run that are no alert
        #   late_after_minutes: 60
        #   silent_after_minutes: 1440          # of a receiver that gets nothing any more
        #   webhooks:
        #     - url: ${SLACK_WEBHOOK_URL}
        #       kind: slack                     # slack | json
        #       # secret: ${ALERT_SECRET}       # json: signs the body
        #       on: [failed, held, failures, late, receiver_silent, recovered]

        """

    private static let server = """
        # "rollcall serve": scheduler, HTTP API, dashboard and metrics.
        # server:
        #   listen: 127.0.0.1:8420              # without a token it must be loopback
        #   tokens:
        #     - name: on-call
        #       role: operator                  # read | operator
        #       sha256: ${ON_CALL_TOKEN_SHA256} # printf %s "$TOKEN" | sha256sum
        #   receiver_listen: 127.0.0.1:8430     # where receivers take posts; beyond loopback they need auth
        #   max_body: 1MB                       # of a post
        #   trusted_proxies: []                 # addresses and ranges whose X-Forwarded-For counts, as [127.0.0.1]
        #   receiver_spool: { max_size: 1GB }   # where events wait while their warehouse is away; path: a folder; or off

        """
}
