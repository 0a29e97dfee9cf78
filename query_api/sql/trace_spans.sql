-- A page of a trace's spans, the newest row of each, in the order of time. What was said is not among it. Calls that
-- only log records tell of stand among them, as spans of the kind `log`.
WITH toDecimal128(toUnixTimestamp64Nano(n.started_at), 12) AS key
SELECT
    n.span_id AS span_id, nullIf(n.parent_span_id, '') AS parent_span_id, nullIf(n.name, '') AS name, n.kind AS kind,
    n.started_at AS started_at, n.ended_at AS ended_at,
    (toUnixTimestamp64Nano(n.ended_at) - toUnixTimestamp64Nano(n.started_at)) / 1e6 AS duration_ms,
    if(n.failed, 'error', 'ok') AS status, if({content:Bool}, nullIf(n.status_message, ''), NULL) AS status_message,
    nullIf(n.service, '') AS service, nullIf(n.scope_name, '') AS scope,
    if({content:Bool}, n.attributes, map()) AS attributes,
    arrayMap((at, name) -> CAST((at, name), 'Tuple(at DateTime64(9, \'UTC\'), name String)'),
             n.events.at, n.events.name) AS events,
    arrayMap((trace, span) -> CAST((trace, span), 'Tuple(trace_id String, span_id String)'),
             n.links.trace_id, n.links.span_id) AS links,
    n.call_kind AS call_kind, n.input_tokens AS input_tokens, n.output_tokens AS output_tokens,
    n.response_model AS response_model, n.request_model AS request_model, n.provider AS provider,
    n.first_token_ns / 1e6 AS first_token_ms, n.cache_read_tokens AS cache_read_tokens,
    n.cache_write_tokens AS cache_write_tokens, n.reasoning_tokens AS reasoning_tokens, n.cost_usd AS cost_usd,
    n.cost_source AS cost_source, n.error_type AS error_type, n.finish_reasons AS finish_reasons,
    n.tool_name AS tool_name, if({content:Bool}, n.error_message, '') AS error_message,
    if({content:Bool} AND NOT n.expired, n.input_preview, '') AS input_preview,
    if({content:Bool} AND NOT n.expired, n.output_preview, '') AS output_preview,
    toString(key) AS sort_value, n.span_id AS sort_id
FROM
(
    SELECT span_id, parent_span_id, name, kind, started_at, ended_at, failed, status_message, service, scope_name,
           CAST(attributes, 'Map(String, String)') AS attributes, events.at, events.name, links.trace_id, links.span_id,
           call_kind, input_tokens, output_tokens, response_model, request_model, provider, first_token_ns,
           cache_read_tokens, cache_write_tokens, reasoning_tokens, cost_usd, cost_source, error_type, finish_reasons,
           tool_name, error_message, input_preview, output_preview,
           content_until > toDateTime(0) AND content_until <= now() AS expired
    FROM spans
    WHERE (project_id, toStartOfHour(started_at), trace_id) IN (
        SELECT project_id, arrayJoin(hours), trace_id FROM trace_index
        WHERE project_id = {project:String} AND trace_id = {trace_id:String})
    ORDER BY version DESC
    LIMIT 1 BY span_id
    UNION ALL
    SELECT calls.span_id, '', calls.name, 'log', calls.started_at,
           calls.started_at + toIntervalNanosecond(calls.duration_ns), calls.failed, '', calls.service, '',
           CAST(map(), 'Map(String, String)'), CAST([], 'Array(DateTime64(9, \'UTC\'))'), CAST([], 'Array(String)'),
           CAST([], 'Array(String)'), CAST([], 'Array(String)'), calls.kind, calls.input_tokens, calls.output_tokens,
           calls.response_model, calls.request_model, calls.provider, calls.first_token_ns, calls.cache_read_tokens,
           calls.cache_write_tokens, calls.reasoning_tokens, calls.cost_usd, calls.cost_source, calls.error_type,
           calls.finish_reasons, calls.tool_name, '', '', '', false
    FROM session_traces AS t FINAL
    ARRAY JOIN calls
    WHERE t.project_id = {project:String}
      AND t.trace_id = {trace_id:String}
      AND (t.session_id, t.trace_id) IN (
          SELECT session_id, trace_id FROM trace_sessions
          WHERE project_id = {project:String} AND trace_id = {trace_id:String}
          UNION ALL SELECT '', {trace_id:String})
      AND t.spans > 0
      AND t.trace_id IN (
          SELECT trace_id FROM log_calls
          WHERE (project_id, toStartOfHour(started_at), trace_id) IN (
              SELECT project_id, arrayJoin(hours), trace_id FROM trace_index
              WHERE project_id = {project:String} AND trace_id = {trace_id:String}))
      AND calls.span_id NOT IN (
          SELECT span_id FROM span_facts
          WHERE (project_id, toStartOfHour(started_at), trace_id) IN (
              SELECT project_id, arrayJoin(hours), trace_id FROM trace_index
              WHERE project_id = {project:String} AND trace_id = {trace_id:String}))
) AS n
WHERE {after_id:Nullable(String)} IS NULL
   OR (key, n.span_id) > ({after_value:Decimal(38, 12)}, ifNull({after_id:Nullable(String)}, ''))
ORDER BY key, span_id
LIMIT {limit:UInt32}
