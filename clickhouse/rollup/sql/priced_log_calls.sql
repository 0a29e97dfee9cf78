-- Such log records of an hour, in the order of trace and record, after the last one of the page before. A record's
-- version is when it was received.
SELECT trace_id, record_id, toUnixTimestamp64Nano(started_at) AS started_ns,
       toString(toUnixTimestamp64Micro(received_at)) AS version, provider, request_model, response_model, input_tokens,
       output_tokens, cache_read_tokens, cache_write_tokens, reasoning_tokens, cost_usd, cost_source
FROM {everywhere:Identifier}.log_calls FINAL
WHERE project_id = {project:String} AND toStartOfHour(log_calls.started_at) = toDateTime({hour:UInt32}, 'UTC')
  AND log_calls.started_at >= fromUnixTimestamp64Nano({since_ns:Int64}, 'UTC')
  AND log_calls.started_at >= toDateTime({hour:UInt32}, 'UTC')
  AND log_calls.started_at < toDateTime({hour:UInt32} + 3600, 'UTC')
  AND cost_source IN ('computed', 'unpriced')
  AND (trace_id, record_id, toUnixTimestamp64Nano(log_calls.started_at)) >
      ({after_trace:String}, {after_id:String}, {after_ns:Int64})
ORDER BY trace_id, record_id, started_ns
LIMIT {most:UInt32}
