WITH decodeURLComponent('${trace:percentencode}') AS wanted,
     (SELECT min(Start) FROM otel_traces_trace_id_ts
      WHERE ProjectId = ${project:singlequote} AND TraceId = wanted) AS first_at,
     (SELECT max(End) + 1 FROM otel_traces_trace_id_ts
      WHERE ProjectId = ${project:singlequote} AND TraceId = wanted) AS last_at
SELECT TraceId AS traceID, SpanId AS spanID, ParentSpanId AS parentSpanID, ServiceName AS serviceName,
       SpanName AS operationName, toUnixTimestamp64Nano(Timestamp) / 1e6 AS startTime, Duration / 1e6 AS duration,
       arrayMap(key -> map('key', toString(key), 'value', SpanAttributes[key]), mapKeys(SpanAttributes)) AS tags,
       arrayMap(key -> map('key', toString(key), 'value', ResourceAttributes[key]),
                mapKeys(ResourceAttributes)) AS serviceTags,
       if(StatusCode = 'Error', 2, 0) AS statusCode, SpanKind AS kind, StatusMessage AS statusMessage,
       TraceState AS traceState,
       arrayMap((name, at, own) -> CAST((name, toString(toUnixTimestamp64Milli(at)),
                    arrayMap(key -> map('key', toString(key), 'value', own[key]), mapKeys(own))),
                'Tuple(name String, timestamp String, fields Array(Map(String, String)))'),
                `Events.Name`, `Events.Timestamp`, `Events.Attributes`) AS logs
FROM otel_traces
WHERE ProjectId = ${project:singlequote} AND TraceId = wanted AND Timestamp >= first_at AND Timestamp <= last_at
ORDER BY startTime
LIMIT 5000
