-- A page of a trace's spans, the newest row of each, in the order of time. What was said is not among it.
WITH toDecimal128(toUnixTimestamp64Nano(n.started_at), 12) AS key
SELECT
    n.span_id AS span_id, nullIf(n.parent_span_id, '') AS parent_span_id, nullIf(n.name, '') AS name, n.kind AS kind,
    n.started_at AS started_at, n.ended_at AS ended_at,
    (toUnixTimestamp64Nano(n.ended_at) - toUnixTimestamp64Nano(n.started_at)) / 1e6 AS duration_ms,
    if(n.failed, 'error', 'ok') AS status, if({content:Bool}, nullIf(n.status_message, ''), NULL) AS status_message,
    nullIf(n.service, '') AS service, nullIf(n.scope_name, '') AS scope,
    if({content:Bool}, CAST(n.attributes, 'Map(String, String)'), map()) AS attributes,
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
    SELECT *, content_until > toDateTime(0) AND content_until <= now() AS expired
    FROM spans
    WHERE (project_id, toStartOfHour(started_at), trace_id) IN (
        SELECT project_id, arrayJoin(hours), trace_id FROM trace_index
        WHERE project_id = {project:String} AND trace_id = {trace_id:String})
    ORDER BY version DESC
    LIMIT 1 BY span_id
) AS n
WHERE {after_id:Nullable(String)} IS NULL
   OR (key, n.span_id) > ({after_value:Decimal(38, 12)}, ifNull({after_id:Nullable(String)}, ''))
ORDER BY key, span_id
LIMIT {limit:UInt32}
