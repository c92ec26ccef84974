import RollcallCore
import SyncEngine

extension OpenAPIDocument {
    /// What an operation answers when it refuses, or fails, in ways that its caller can be ready for.
    static func problems(_ codes: Int...) -> String {
        codes.map { "\"\($0)\":{\"$ref\":\"#/components/responses/Problem\"}," }.joined()
    }

    /// Paths by address.
    static let paths = #"""
        "/api/v1/syncs": {"get":{"operationId":"listSyncs","summary":"All syncs at a glance.","tags":["syncs"],
          "parameters":[{"name":"limit","in":"query","required":false,"description":"How many items at most.",
          "schema":{"type":"integer","minimum":1,"maximum":500,"default":500}},{"name":"cursor","in":"query",
          "required":false,"description":"The `next` of the page before: the name of its last sync.",
          "schema":{"type":"string","minLength":1}}],
          "responses":{"200":{"description":"In the configuration's order.","content":{"application/json":{"schema":{
          "$ref":"#/components/schemas/SyncPage"}}}},\#(problems(400, 401, 403))"default":{"$ref":"#/components/responses/Problem"}}}},
        "/api/v1/syncs/{name}": {"parameters":[{"name":"name","in":"path","required":true,
          "description":"Name of the sync.","schema":{"type":"string"}}],"get":{"operationId":"getSync",
          "summary":"One sync.","tags":["syncs"],"responses":{"200":{"description":"The sync.","content":{
          "application/json":{"schema":{"$ref":"#/components/schemas/Sync"}}}},\#(problems(400, 401, 403, 404, 503))"default":{
          "$ref":"#/components/responses/Problem"}}}},
        "/api/v1/syncs/{name}/runs": {"parameters":[{"name":"name","in":"path","required":true,
          "description":"Name of the sync.","schema":{"type":"string"}}],"post":{"operationId":"startRun",
          "summary":"Start a run.","tags":["syncs"],"description":"Needs a token with the role operator.",
          "requestBody":{"required":false,"content":{"application/json":{"schema":{"type":"object",
          "additionalProperties":false,"properties":{"full":{"type":"boolean",
          "description":"Send every record again; not of events."},"retry_rejected":{"type":"boolean",
          "description":"Send again also records that Iterable refused permanently."},"force_new":{"type":"boolean",
          "description":"Discard a held run first, and plan again."},"backfill":{"type":"string",
          "pattern":\#(JSON.string(Backfill.pattern).text),
          "description":"Of events: send also those that were there before the sync began, or were discarded: all, or those of a span such as 30d."},
          "accept_new_ids":{"type":"boolean",
          "description":"Of events: go on although what their ids are made of has changed."}}}}}},"responses":{"202":{
          "description":"The run was begun; it may have ended already.","content":{"application/json":{"schema":{
          "$ref":"#/components/schemas/Run"}}},"headers":{"Location":{"description":"Address of the run.","schema":{
          "type":"string"}}}},\#(problems(400, 401, 403, 404, 408, 409, 413, 415, 502, 503))"default":{"$ref":"#/components/responses/Problem"}}}},
        "/api/v1/syncs/{name}/pause": {"parameters":[{"name":"name","in":"path","required":true,
          "description":"Name of the sync.","schema":{"type":"string"}}],"post":{"operationId":"pauseSync",
          "summary":"Pause the schedule or the stream; runs on demand are still possible.","tags":["syncs"],
          "description":"Needs a token with the role operator.","requestBody":{"required":false,"content":{
          "application/json":{"schema":{"type":"object","additionalProperties":false}}}},"responses":{"200":{
          "description":"The sync.","content":{"application/json":{"schema":{"$ref":"#/components/schemas/Sync"}}}},
          \#(problems(400, 401, 403, 404, 408, 413, 415, 503))"default":{"$ref":"#/components/responses/Problem"}}}},
        "/api/v1/syncs/{name}/resume": {"parameters":[{"name":"name","in":"path","required":true,
          "description":"Name of the sync.","schema":{"type":"string"}}],"post":{"operationId":"resumeSync",
          "summary":"Resume the schedule or the stream.","tags":["syncs"],"description":"Needs a token with the role operator.",
          "requestBody":{"required":false,"content":{"application/json":{"schema":{"type":"object",
          "additionalProperties":false}}}},"responses":{"200":{"description":"The sync.","content":{
          "application/json":{"schema":{"$ref":"#/components/schemas/Sync"}}}},\#(problems(400, 401, 403, 404, 408, 413, 415, 503))"default":{
          "$ref":"#/components/responses/Problem"}}}},
        "/api/v1/syncs/{name}/ticks": {"parameters":[{"name":"name","in":"path","required":true,
          "description":"Name of the sync.","schema":{"type":"string"}}],"get":{"operationId":"listTicks",
          "summary":"Ticks of the schedule, newest first.","tags":["syncs"],"parameters":[{"name":"since",
          "in":"query","required":false,"description":"ISO 8601, or an age such as 30m, 12h, 2d, 3w.","schema":{
          "type":"string","pattern":\#(JSON.string(PastTime.pattern).text)}},{"name":"limit","in":"query","required":false,"description":"How many items at most.",
          "schema":{"type":"integer","minimum":1,"maximum":500,"default":50}},{"name":"cursor","in":"query",
          "required":false,"description":"The `next` of the page before.","schema":{"type":"string","pattern":"^-?[0-9]{1,18}$"}}],"responses":{
          "200":{"description":"A page.","content":{"application/json":{"schema":{
          "$ref":"#/components/schemas/TickPage"}}}},\#(problems(400, 401, 403, 404, 409, 503))"default":{"$ref":"#/components/responses/Problem"}}}},
        "/api/v1/syncs/{name}/why": {"parameters":[{"name":"name","in":"path","required":true,
          "description":"Name of the sync.","schema":{"type":"string"}}],"get":{"operationId":"why",
          "summary":"What is known of one person or record; reads the whole source.","tags":["syncs"],"parameters":[{
          "name":"identifier","in":"query","required":true,
          "description":"Email in any spelling, or userId; of a record its key, of a catalog also an item's id, of events an event's.",
          "schema":{"type":"string","minLength":1,"maxLength":1000}}],"responses":{"200":{"description":"The story.",
          "content":{"application/json":{"schema":{"$ref":"#/components/schemas/Why"}}}},\#(problems(400, 401, 403, 404, 409, 502, 503))"default":{
          "$ref":"#/components/responses/Problem"}}}},
        "/api/v1/runs": {"get":{"operationId":"listRuns","summary":"Runs, newest first.","tags":["runs"],
          "parameters":[{"name":"sync","in":"query","required":false,"description":"Only runs of this sync.",
          "schema":{"type":"string"}},{"name":"status","in":"query","required":false,
          "description":"Only runs with this status.","schema":{"type":"string","enum":["queued","running",
          "succeeded","completed_with_failures","failed","held","cancelled","skipped","interrupted"]}},{
          "name":"since","in":"query","required":false,"description":"ISO 8601, or an age such as 30m, 12h, 2d, 3w.",
          "schema":{"type":"string","pattern":\#(JSON.string(PastTime.pattern).text)}},{"name":"limit","in":"query","required":false,
          "description":"How many items at most.","schema":{"type":"integer","minimum":1,"maximum":500,"default":50}},
          {"name":"cursor","in":"query","required":false,"description":"The `next` of the page before.","schema":{"type":"string","pattern":"^[0-9a-f]{8}-([0-9a-f]{4}-){3}[0-9a-f]{12}$"}}],"responses":{"200":{"description":"A page.","content":{"application/json":{"schema":{
          "$ref":"#/components/schemas/RunPage"}}}},\#(problems(400, 401, 403, 404, 409, 503))"default":{"$ref":"#/components/responses/Problem"}}}},
        "/api/v1/runs/{id}": {"parameters":[{"name":"id","in":"path","required":true,"description":"Id of the run.",
          "schema":{"type":"string"}}],"get":{"operationId":"getRun","summary":"One run.","tags":["runs"],
          "responses":{"200":{"description":"The run.","content":{"application/json":{"schema":{
          "$ref":"#/components/schemas/Run"}}}},\#(problems(400, 401, 403, 404, 503))"default":{"$ref":"#/components/responses/Problem"}}}},
        "/api/v1/runs/{id}/records": {"parameters":[{"name":"id","in":"path","required":true,
          "description":"Id of the run.","schema":{"type":"string"}}],"get":{"operationId":"listRecords",
          "summary":"Records of a run, newest first; as CSV without a limit if wanted.","tags":["runs"],"parameters":[
          {"name":"status","in":"query","required":false,"description":"Only records with this status.","schema":{
          "type":"string","enum":["succeeded","failed","unknown","not_attempted","waiting"]}},{"name":"format","in":"query",
          "required":false,"description":"Instead of an Accept header.","schema":{"type":"string","enum":["json",
          "csv"]}},{"name":"limit","in":"query","required":false,"description":"How many items at most.","schema":{
          "type":"integer","minimum":1,"maximum":500,"default":50}},{"name":"cursor","in":"query","required":false,
          "description":"The `next` of the page before.","schema":{"type":"string","pattern":"^-?[0-9]{1,18}$"}}],"responses":{"200":{
          "description":"A page, or all as CSV.","content":{"application/json":{"schema":{
          "$ref":"#/components/schemas/RecordPage"}},"text/csv":{"schema":{"type":"string"}}}},\#(problems(400, 401, 403, 404, 503))"default":{
          "$ref":"#/components/responses/Problem"}}}},
        "/api/v1/runs/{id}/cancel": {"parameters":[{"name":"id","in":"path","required":true,
          "description":"Id of the run.","schema":{"type":"string"}}],"post":{"operationId":"cancelRun",
          "summary":"Ask a run to stop; what was sent gets its outcome.","tags":["runs"],
          "description":"Needs a token with the role operator.","requestBody":{"required":false,"content":{
          "application/json":{"schema":{"type":"object","additionalProperties":false}}}},"responses":{"202":{
          "description":"The run as it is.","content":{"application/json":{"schema":{
          "$ref":"#/components/schemas/Run"}}}},\#(problems(400, 401, 403, 404, 408, 409, 413, 415, 503))"default":{"$ref":"#/components/responses/Problem"}}}},
        "/api/v1/runs/{id}/approve": {"parameters":[{"name":"id","in":"path","required":true,
          "description":"Id of the run.","schema":{"type":"string"}}],"post":{"operationId":"approveRun",
          "summary":"Carry out a held run as it was staged.","tags":["runs"],
          "description":"Needs a token with the role operator.","requestBody":{"required":false,"content":{
          "application/json":{"schema":{"type":"object","additionalProperties":false}}}},"responses":{"202":{
          "description":"The run continues under its id.","content":{"application/json":{"schema":{
          "$ref":"#/components/schemas/Run"}}},"headers":{"Location":{"description":"Address of the run.","schema":{
          "type":"string"}}}},\#(problems(400, 401, 403, 404, 408, 409, 413, 415, 502, 503))"default":{"$ref":"#/components/responses/Problem"}}}},
        "/api/v1/runs/{id}/discard": {"parameters":[{"name":"id","in":"path","required":true,
          "description":"Id of the run.","schema":{"type":"string"}}],"post":{"operationId":"discardRun",
          "summary":"Drop a held run.","tags":["runs"],"description":"Needs a token with the role operator.",
          "requestBody":{"required":false,"content":{"application/json":{"schema":{"type":"object",
          "additionalProperties":false}}}},"responses":{"200":{"description":"The run, cancelled.","content":{
          "application/json":{"schema":{"$ref":"#/components/schemas/Run"}}}},\#(problems(400, 401, 403, 404, 408, 409, 413, 415, 502, 503))"default":{
          "$ref":"#/components/responses/Problem"}}}},
        "/api/v1/events": {"get":{"operationId":"events","summary":"What happens, as server-sent events.","tags":[
          "events"],"responses":{"200":{
          "description":"Events run_started, progress, run_ended, tick, alert, paused, reloaded, reload_refused, problem, solved; data is JSON. A comment every 15 s is a sign of life.",
          "content":{"text/event-stream":{"schema":{"type":"string"}}}},\#(problems(400, 401, 403, 503))"default":{
          "$ref":"#/components/responses/Problem"}}}},
        "/api/v1/openapi.json": {"get":{"operationId":"openapi","summary":"This document.","tags":["meta"],
          "responses":{"200":{"description":"OpenAPI 3.1.","content":{"application/json":{"schema":{
          "type":"object"}}}},\#(problems(401, 403))"default":{"$ref":"#/components/responses/Problem"}}}},
        "/v2/retl-connections/{sync}/start": {"parameters":[{"name":"sync","in":"path","required":true,
          "description":"Name of the sync, in place of a connection's id.","schema":{"type":"string"}}],"post":{
          "operationId":"triggerStart","summary":"RudderStack's call to start a sync.","tags":["trigger"],
          "description":"Needs a token with the role operator.","requestBody":{"required":false,"content":{
          "application/json":{"schema":{"type":"object","additionalProperties":false,"properties":{"syncType":{
          "type":"string","enum":["incremental","full"]}}}}}},"responses":{"200":{"description":"The run was begun.",
          "content":{"application/json":{"schema":{"$ref":"#/components/schemas/TriggerStarted"}}}},\#(problems(400, 401, 403, 404, 408, 409, 413, 415, 502, 503))"default":{
          "$ref":"#/components/responses/Problem"}}}},
        "/v2/retl-connections/{sync}/syncs/{id}": {"parameters":[{"name":"sync","in":"path","required":true,
          "description":"Name of the sync.","schema":{"type":"string"}},{"name":"id","in":"path","required":true,
          "description":"The syncId that start gave.","schema":{"type":"string"}}],"get":{
          "operationId":"triggerStatus","summary":"RudderStack's call for the state of a sync.","tags":["trigger"],
          "responses":{"200":{"description":"The state.","content":{"application/json":{"schema":{
          "$ref":"#/components/schemas/TriggerStatus"}}}},\#(problems(401, 403, 404, 503))"default":{"$ref":"#/components/responses/Problem"}}}},
        "/healthz": {"get":{"operationId":"health","summary":"Whether the process lives.","tags":["health"],
          "responses":{"200":{"description":"It does.","content":{"application/json":{"schema":{
          "$ref":"#/components/schemas/Health"}}}},"503":{"description":"Its scheduler is stuck.","content":{
          "application/json":{"schema":{"$ref":"#/components/schemas/Health"}}}},"default":{
          "$ref":"#/components/responses/Problem"}},"security":[]}},
        "/readyz": {"get":{"operationId":"ready","summary":"Whether it can do its work, and what is wrong.","tags":[
          "health"],"responses":{"200":{"description":"It can.","content":{"application/json":{"schema":{
          "$ref":"#/components/schemas/Ready"}}}},"503":{"description":"It cannot.","content":{"application/json":{
          "schema":{"$ref":"#/components/schemas/Ready"}}}},"default":{"$ref":"#/components/responses/Problem"}},
          "security":[]}},
        "/metrics": {"get":{"operationId":"metrics","summary":"Metrics for Prometheus.","tags":["health"],
          "responses":{"200":{"description":"Text format 0.0.4.","content":{"text/plain":{"schema":{
          "type":"string"}}}},\#(problems(401, 403))"default":{"$ref":"#/components/responses/Problem"}}}}
        """#
}
