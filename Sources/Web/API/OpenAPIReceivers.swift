import RollcallCore

/// The receivers' part of the document.
extension OpenAPIDocument {
    static let receiverPaths = #"""
        "/api/v1/receivers": {"get":{"operationId":"listReceivers","summary":"All receivers at a glance.",
          "tags":["receivers"],"parameters":[{"name":"limit","in":"query","required":false,
          "description":"How many items at most.","schema":{"type":"integer","minimum":1,"maximum":500,"default":500}},{
          "name":"cursor","in":"query","required":false,
          "description":"The `next` of the page before: the name of its last receiver.","schema":{"type":"string",
          "minLength":1}}],"responses":{"200":{"description":"In the configuration's order.","content":{
          "application/json":{"schema":{"$ref":"#/components/schemas/ReceiverPage"}}}},\#(problems(400, 401, 403))
          "default":{"$ref":"#/components/responses/Problem"}}}},
        "/api/v1/receivers/{name}": {"parameters":[{"name":"name","in":"path","required":true,
          "description":"Name of the receiver.","schema":{"type":"string"}}],"get":{"operationId":"getReceiver",
          "summary":"One receiver, with its counts by hour and its newest events.","tags":["receivers"],"parameters":[{
          "name":"event","in":"query","required":false,"description":"Only events of this name.","schema":{
          "type":"string"}},{"name":"limit","in":"query","required":false,"description":"How many events at most.",
          "schema":{"type":"integer","minimum":1,"maximum":500,"default":50}},{"name":"cursor","in":"query",
          "required":false,"description":"The `next` of `received` in the page before.","schema":{"type":"string",
          "pattern":\#(JSON.string(EventPosition.pattern).text)}}],"responses":{"200":{"description":"The receiver.",
          "content":{"application/json":{"schema":{"$ref":"#/components/schemas/ReceiverDetails"}}}},
          \#(problems(400, 401, 403, 404))"default":{"$ref":"#/components/responses/Problem"}}}}
        """#

    private static let receiverFields = #"""
        "receiver":{"type":"string"},"state":{"type":"string","enum":["unreachable","spooling","silent","new",
          "receiving"]},"path":{"type":"string"},"warehouse":{"type":"string"},"destination":{"type":["string","null"]},
          "credentials":{"type":"integer","minimum":0,"description":"How many are configured, any one of which is enough."},
          "events":{"oneOf":[{"type":"string","enum":["all"]},{"type":"array","items":{"type":"string"}}]},
          "require_user_id":{"type":"boolean"},"identifiers":{"type":"string","enum":["plain","masked","hashed"]},
          "retention_days":{"type":"integer","minimum":1},"latest_event_at":{"type":["string","null"],
          "format":"date-time"},"counts":{"oneOf":[{"type":"object","properties":{"last_24_hours":{
          "$ref":"#/components/schemas/ReceiverOutcomes"},"last_7_days":{"$ref":"#/components/schemas/ReceiverOutcomes"}},
          "required":["last_24_hours","last_7_days"],"additionalProperties":false},{"type":"null"}],
          "description":"Whole hours of UTC, the current one among them; null where the warehouse cannot be read."},
          "newest_events":{"oneOf":[{"type":"object","properties":{"events":{"type":"integer","minimum":0},
          "with_user_id":{"type":"integer","minimum":0}},"required":["events","with_user_id"],
          "additionalProperties":false},{"type":"null"}],"description":"Of the newest 1,000 events."},"spool":{
          "type":"object","properties":{"bodies":{"type":"integer","minimum":0},"bytes":{"type":"integer","minimum":0}},
          "required":["bodies","bytes"],"additionalProperties":false,
          "description":"What waits on disk until the warehouse takes it."},"problem":{"oneOf":[{
          "$ref":"#/components/schemas/Error"},{"type":"null"}]}
        """#

    private static let receiverNames =
        #""receiver","state","path","warehouse","destination","credentials","events","require_user_id","identifiers","retention_days","latest_event_at","counts","newest_events","spool","problem""#

    static let receiverSchemas = #"""
        "Receiver": {"type":"object","properties":{\#(receiverFields)},"required":[\#(receiverNames)],
          "additionalProperties":false},
        "ReceiverDetails": {"type":"object","properties":{\#(receiverFields),"hours":{"type":["array","null"],"items":{
          "type":"object","properties":{"hour":{"type":"string","format":"date-time"},"outcome":{"type":"string","enum":[
          \#(outcomes)]},"count":{"type":"integer","minimum":0}},"required":["hour","outcome","count"],
          "additionalProperties":false},"description":"Of the last 7 days, oldest first; hours without requests are left out."},
          "received":{"oneOf":[{"$ref":"#/components/schemas/ReceivedPage"},{"type":"null"}],
          "description":"Newest first; null where the warehouse cannot be read."},"rejects":{"type":["array","null"],
          "items":{"type":"object","properties":{"received_at":{"type":"string","format":"date-time"},"reason":{
          "type":"string"},"body":{"type":"string","description":"Its first 500 characters."}},"required":["received_at",
          "reason","body"],"additionalProperties":false},"description":"The newest 20 bodies that were no JSON object."}},
          "required":[\#(receiverNames),"hours","received","rejects"],"additionalProperties":false},
        "ReceiverOutcomes": {"type":"object","properties":{\#(outcomeFields)},"required":[\#(outcomes)],
          "additionalProperties":false,"description":"Requests by what became of them."},
        "ReceiverPage": {"type":"object","properties":{"items":{"type":"array","items":{
          "$ref":"#/components/schemas/Receiver"}},"next":{"type":["string","null"]}},"required":["items","next"],
          "additionalProperties":false},
        "ReceivedEvent": {"type":"object","properties":{"event_id":{"type":"string"},"receiver":{"type":"string"},
          \#(nullable("string", "destination", "event_name", "email", "user_id", "message_id", "url")),
          "occurred_at":{"type":["string","null"],"format":"date-time"},"received_at":{"type":"string",
          "format":"date-time"},"last_received_at":{"type":"string","format":"date-time"},"deliveries":{
          "type":"integer","minimum":1},\#(nullable("integer", "campaign_id", "template_id", "message_type_id",
              "channel_id", "workflow_id", "experiment_id"))},
          "required":["event_id","receiver","destination","event_name","email","user_id","occurred_at","received_at",
          "last_received_at","deliveries","campaign_id","template_id","message_id","message_type_id","channel_id",
          "workflow_id","experiment_id","url"],"additionalProperties":false,
          "description":"A row of iterable_events without its payload; people as the receiver keeps them."},
        "ReceivedPage": {"type":"object","properties":{"items":{"type":"array","items":{
          "$ref":"#/components/schemas/ReceivedEvent"}},"next":{"type":["string","null"]}},"required":["items","next"],
          "additionalProperties":false}
        """#

    private static let outcomes = ReceiverOutcome.allCases.map { "\"\($0.rawValue)\"" }.joined(separator: ",")

    private static let outcomeFields = ReceiverOutcome.allCases
        .map { "\"\($0.rawValue)\":{\"type\":\"integer\",\"minimum\":0}" }.joined(separator: ",")

    private static func nullable(_ type: String, _ names: String...) -> String {
        names.map { "\"\($0)\":{\"type\":[\"\(type)\",\"null\"]}" }.joined(separator: ",")
    }
}
