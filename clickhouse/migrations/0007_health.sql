-- What a dashboard of the receiver's health reads: what arrives, what waits to be recomputed, what was set aside.

-- Every span as it was stored, once more each time it was sent again. waited_ms: from its receipt until it was stored.
CREATE VIEW IF NOT EXISTS v_arrivals DEFINER = CURRENT_USER SQL SECURITY DEFINER AS
SELECT project_id, service, stored_at, received_at, started_at,
       greatest(0, date_diff('microsecond', received_at, stored_at)) / 1e3 AS waited_ms, flaws
FROM spans;

-- Every recompute of a trace, until a merge leaves the last. waited_ms: from the change that asked for it.
CREATE VIEW IF NOT EXISTS v_recomputes DEFINER = CURRENT_USER SQL SECURITY DEFINER AS
SELECT project_id, trace_id, version AS queued_at, recomputed_at,
       greatest(0, date_diff('microsecond', version, recomputed_at)) / 1e3 AS waited_ms
FROM session_traces
WHERE session_traces.session_id = '';

-- By project, where there is anything to say. lag_seconds: how long the oldest change waits now.
CREATE VIEW IF NOT EXISTS v_health DEFINER = CURRENT_USER SQL SECURITY DEFINER AS
SELECT project_id, countIf(what = 'trace') AS queued_traces, countIf(what = 'session') AS queued_sessions,
       greatest(0, date_diff('microsecond', minIf(since, what IN ('trace', 'session')), now64(6, 'UTC'))) / 1e6
           * (countIf(what IN ('trace', 'session')) > 0) AS lag_seconds,
       countIf(what = 'quarantined') AS quarantined_traces, sum(late) AS suppressed_spans
FROM
(
    SELECT project_id, 'trace' AS what, stamp AS since, 0 AS late
    FROM trace_queue GROUP BY project_id, stamp, id HAVING sum(sign) > 0
    UNION ALL
    SELECT project_id, 'session', stamp, 0 FROM session_queue GROUP BY project_id, stamp, id HAVING sum(sign) > 0
    UNION ALL
    SELECT project_id, 'quarantined', version, 0 FROM quarantined_traces FINAL WHERE reason != ''
    UNION ALL
    SELECT project_id, 'suppressed', toDateTime64(day, 6, 'UTC'), spans FROM suppressed_spans
)
GROUP BY project_id;

-- With the project: readers of one project see their own traces only.
CREATE OR REPLACE VIEW otel_traces_trace_id_ts DEFINER = CURRENT_USER SQL SECURITY DEFINER AS
SELECT project_id AS ProjectId, trace_id AS TraceId, min(toDateTime(t.started_at)) AS Start,
       max(toDateTime(t.ended_at)) AS End
FROM trace_index AS t
GROUP BY project_id, trace_id;

-- With the times of its trace: a range of time leaves out whole traces by them, before their calls are looked at.
CREATE OR REPLACE VIEW v_calls DEFINER = CURRENT_USER SQL SECURITY DEFINER AS
SELECT project_id, session_id, trace_id, calls.span_id AS span_id, calls.kind AS kind, calls.name AS name,
       calls.provider AS provider, if(calls.response_model != '', calls.response_model, calls.request_model) AS model,
       calls.request_model AS request_model, calls.service AS service, calls.user_id AS user_id,
       calls.started_at AS started_at, calls.duration_ns / 1e6 AS duration_ms,
       calls.first_token_ns / 1e6 AS first_token_ms, calls.input_tokens AS input_tokens,
       calls.output_tokens AS output_tokens, calls.cache_read_tokens AS cache_read_tokens,
       calls.cache_write_tokens AS cache_write_tokens, calls.reasoning_tokens AS reasoning_tokens,
       calls.cost_usd AS cost_usd, calls.cost_source AS cost_source, if(calls.failed, 'error', 'ok') AS status,
       calls.error_type AS error_type, calls.finish_reasons AS finish_reasons, calls.tool_name AS tool_name,
       environments, tags, metadata, t.started_at AS trace_started_at, t.ended_at AS trace_ended_at
FROM session_traces AS t FINAL
ARRAY JOIN calls
WHERE t.spans > 0;
