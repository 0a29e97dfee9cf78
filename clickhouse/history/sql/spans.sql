-- Some hours of the exporter's table, in no order. Attributes travel as JSON: the same for its Map and its JSON columns.
SELECT TraceId, SpanId, ParentSpanId, TraceState, toValidUTF8(SpanName), SpanKind,
       toUnixTimestamp64Nano(Timestamp), toUInt64(Duration), StatusCode, toValidUTF8(StatusMessage),
       toValidUTF8(toJSONString(SpanAttributes)), toValidUTF8(toJSONString(ResourceAttributes)),
       toValidUTF8(ServiceName), toValidUTF8(ScopeName), toValidUTF8(ScopeVersion),
       arrayMap(at -> toUnixTimestamp64Nano(at), `Events.Timestamp`), arrayMap(name -> toValidUTF8(name), `Events.Name`),
       arrayMap(attributes -> toValidUTF8(toJSONString(attributes)), `Events.Attributes`),
       `Links.TraceId`, `Links.SpanId`, `Links.TraceState`,
       arrayMap(attributes -> toValidUTF8(toJSONString(attributes)), `Links.Attributes`)
FROM {table:Identifier}
WHERE Timestamp >= fromUnixTimestamp64Nano(arrayMin({hours:Array(Int64)}) * 3600000000000)
  AND Timestamp < fromUnixTimestamp64Nano((arrayMax({hours:Array(Int64)}) + 1) * 3600000000000)
  AND intDiv(toUnixTimestamp64Nano(Timestamp), 3600000000000) IN {hours:Array(Int64)}
SETTINGS output_format_json_quote_64bit_integers = 0, max_block_size = 4096, preferred_block_size_bytes = 4000000
