-- Such spans of an hour, in the order of their key, after the last one of the page before.
SELECT trace_id, span_id, toUnixTimestamp64Nano(started_at) AS started_ns, toString(version) AS version, provider,
       request_model, response_model, input_tokens, output_tokens, cache_read_tokens, cache_write_tokens,
       reasoning_tokens, cost_usd, cost_source
FROM {everywhere:Identifier}.spans FINAL
WHERE project_id = {project:String} AND toStartOfHour(spans.started_at) = toDateTime({hour:UInt32}, 'UTC')
  AND spans.started_at >= fromUnixTimestamp64Nano({since_ns:Int64}, 'UTC')
  AND spans.started_at >= toDateTime({hour:UInt32}, 'UTC')
  AND spans.started_at < toDateTime({hour:UInt32} + 3600, 'UTC')
  AND cost_source IN ('computed', 'unpriced')
  AND (trace_id, span_id, toUnixTimestamp64Nano(spans.started_at)) >
      ({after_trace:String}, {after_id:String}, {after_ns:Int64})
ORDER BY trace_id, span_id, started_ns
LIMIT {most:UInt32}
