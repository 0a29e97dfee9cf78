-- What readers outside may rely on (Grafana's user reads nothing else): FINAL, zero rows out, the names of the JSON API.

CREATE VIEW IF NOT EXISTS v_sessions DEFINER = CURRENT_USER SQL SECURITY DEFINER AS
SELECT project_id, session_id, user_id, user_ids, started_at, last_active_at, duration_ns / 1e6 AS duration_ms,
       active_ns / 1e6 AS active_ms, traces, spans, turns, tool_calls, embeddings, input_tokens, output_tokens,
       total_tokens, cache_read_tokens, cache_write_tokens, reasoning_tokens, cost_usd, unpriced_turns, unpriced_usage,
       errors, error_traces, error_traces / traces AS error_rate, if(error_traces > 0, 'error', 'ok') AS status,
       avg_turn_ns / 1e6 AS avg_turn_ms, p95_turn_ns / 1e6 AS p95_turn_ms, avg_trace_ns / 1e6 AS avg_trace_ms,
       first_token_ns / 1e6 AS first_token_ms, models, requested_models, services, environments, tags, tools, agents,
       releases, prompts, metadata, scores, input_preview, output_preview, session_keys, inherited_spans,
       duplicate_spans, version
FROM sessions FINAL
WHERE sessions.spans > 0;

CREATE VIEW IF NOT EXISTS v_traces DEFINER = CURRENT_USER SQL SECURITY DEFINER AS
SELECT project_id, session_id, trace_id, name, started_at, ended_at,
       (toUnixTimestamp64Nano(ended_at) - toUnixTimestamp64Nano(started_at)) / 1e6 AS duration_ms, spans, turns,
       tool_calls, embeddings, input_tokens, output_tokens, input_tokens + output_tokens AS total_tokens,
       cache_read_tokens, cache_write_tokens, reasoning_tokens, cost_usd, unpriced_turns, unpriced_usage, errors,
       if(failed, 'error', 'ok') AS status, user_id, user_ids, models, requested_models, services, environments, tags,
       tools, agents, releases, prompts, metadata, scores, input_preview, output_preview, version
FROM session_traces FINAL
WHERE session_traces.spans > 0;

CREATE VIEW IF NOT EXISTS v_calls DEFINER = CURRENT_USER SQL SECURITY DEFINER AS
SELECT project_id, session_id, trace_id, calls.span_id AS span_id, calls.kind AS kind, calls.name AS name,
       calls.provider AS provider, if(calls.response_model != '', calls.response_model, calls.request_model) AS model,
       calls.request_model AS request_model, calls.service AS service, calls.user_id AS user_id,
       calls.started_at AS started_at, calls.duration_ns / 1e6 AS duration_ms,
       calls.first_token_ns / 1e6 AS first_token_ms, calls.input_tokens AS input_tokens,
       calls.output_tokens AS output_tokens, calls.cache_read_tokens AS cache_read_tokens,
       calls.cache_write_tokens AS cache_write_tokens, calls.reasoning_tokens AS reasoning_tokens,
       calls.cost_usd AS cost_usd, calls.cost_source AS cost_source, if(calls.failed, 'error', 'ok') AS status,
       calls.error_type AS error_type, calls.finish_reasons AS finish_reasons, calls.tool_name AS tool_name,
       environments, tags, metadata
FROM session_traces FINAL
ARRAY JOIN calls
WHERE session_traces.spans > 0;

CREATE VIEW IF NOT EXISTS v_users DEFINER = CURRENT_USER SQL SECURITY DEFINER AS
SELECT project_id, user AS user_id, uniqExact(session_id) AS sessions, uniqExact(trace_id) AS traces, min(t.started_at) AS started_at,
       max(t.ended_at) AS last_active_at, sum(length(mine.span_id)) AS calls, sum(countEqual(mine.kind, 'llm')) AS turns,
       sum(arraySum(x -> ifNull(x, 0), mine.input_tokens)) AS input_tokens,
       sum(arraySum(x -> ifNull(x, 0), mine.output_tokens)) AS output_tokens,
       input_tokens + output_tokens AS total_tokens,
       if(sum(arrayCount(x -> x IS NOT NULL, mine.cost_usd)) > 0,
          sum(arraySum(x -> ifNull(toDecimal128(x, 12), toDecimal128(0, 12)), mine.cost_usd)), NULL) AS cost_usd,
       sum(arrayCount((k, f) -> k = 'llm' AND f, mine.kind, mine.failed)) AS errors
FROM
(
    SELECT project_id, session_id, trace_id, started_at, ended_at, arrayJoin(user_ids) AS user,
           arrayFilter(c -> c.1 = user, arrayZip(calls.user_id, calls.span_id, calls.kind, calls.input_tokens,
                                                 calls.output_tokens, calls.cost_usd, calls.failed)) AS own,
           CAST((own.2, own.3, own.4, own.5, own.6, own.7), 'Tuple(span_id Array(String), kind Array(String), input_tokens Array(Nullable(UInt64)), output_tokens Array(Nullable(UInt64)), cost_usd Array(Nullable(Decimal(18, 12))), failed Array(Bool))') AS mine
    FROM session_traces FINAL
    WHERE session_traces.spans > 0 AND session_id != ''
) AS t
GROUP BY project_id, user_id;

-- The columns that the OpenTelemetry Collector's exporter writes and Grafana's ClickHouse plugin reads.
CREATE VIEW IF NOT EXISTS otel_traces DEFINER = CURRENT_USER SQL SECURITY DEFINER AS
SELECT project_id AS ProjectId, started_at AS Timestamp, trace_id AS TraceId, span_id AS SpanId,
       parent_span_id AS ParentSpanId, trace_state AS TraceState, name AS SpanName, initcap(kind) AS SpanKind,
       service AS ServiceName, resource_attributes AS ResourceAttributes, scope_name AS ScopeName,
       scope_version AS ScopeVersion, attributes AS SpanAttributes,
       toUInt64(greatest(0, toUnixTimestamp64Nano(ended_at) - toUnixTimestamp64Nano(started_at))) AS Duration,
       initcap(status) AS StatusCode, status_message AS StatusMessage, events.at AS `Events.Timestamp`,
       events.name AS `Events.Name`, events.attributes AS `Events.Attributes`, links.trace_id AS `Links.TraceId`,
       links.span_id AS `Links.SpanId`, links.trace_state AS `Links.TraceState`, links.attributes AS `Links.Attributes`
FROM spans FINAL;

CREATE VIEW IF NOT EXISTS otel_traces_trace_id_ts DEFINER = CURRENT_USER SQL SECURITY DEFINER AS
SELECT trace_id AS TraceId, min(toDateTime(t.started_at)) AS Start, max(toDateTime(t.ended_at)) AS End
FROM trace_index AS t
GROUP BY trace_id;
