-- These sessions, in any order. Of few rows, the newest is found sooner by looking at all of them than by FINAL.
SELECT
    s.session_id AS session_id, s.project_id AS project, nullIf(s.user_id, '') AS user_id,
    arraySlice(s.user_ids, 1, 100) AS user_ids, s.started_at AS started_at, s.last_active_at AS last_active_at,
    s.duration_ns / 1e6 AS duration_ms, s.active_ns / 1e6 AS active_ms, s.traces AS traces, s.spans AS spans,
    s.turns AS turns, s.tool_calls AS tool_calls, s.embeddings AS embeddings, s.input_tokens AS input_tokens,
    s.output_tokens AS output_tokens, s.total_tokens AS total_tokens, s.cache_read_tokens AS cache_read_tokens,
    s.cache_write_tokens AS cache_write_tokens, s.reasoning_tokens AS reasoning_tokens, s.cost_usd AS cost_usd,
    s.unpriced_turns AS unpriced_turns, s.errors AS errors, s.error_traces AS error_traces,
    s.error_traces / s.traces AS error_rate, if(s.error_traces > 0, 'error', 'ok') AS status,
    s.avg_turn_ns / 1e6 AS avg_turn_ms, s.p95_turn_ns / 1e6 AS p95_turn_ms, s.avg_trace_ns / 1e6 AS avg_trace_ms,
    s.first_token_ns / 1e6 AS first_token_ms, arraySlice(s.models, 1, 100) AS models,
    arraySlice(s.services, 1, 100) AS services, arraySlice(s.environments, 1, 100) AS environments,
    arraySlice(s.tags, 1, 100) AS tags, arraySlice(s.tools, 1, 100) AS tools, arraySlice(s.agents, 1, 100) AS agents,
    arraySlice(s.releases, 1, 100) AS releases, arraySlice(s.prompts, 1, 100) AS prompts,
    CAST(arrayMap(k -> (k, arrayMap(p -> p.value, arrayFilter(p -> p.key = k, arraySlice(s.metadata, 1, 100)))),
                  arrayDistinct(arrayMap(p -> p.key, arraySlice(s.metadata, 1, 100)))),
         'Map(String, Array(String))') AS metadata,
    CAST(arrayFilter(m -> m.2 > 0,
                     [('user_ids', length(s.user_ids) - 100), ('models', length(s.models) - 100),
                      ('services', length(s.services) - 100), ('environments', length(s.environments) - 100),
                      ('tags', length(s.tags) - 100), ('tools', length(s.tools) - 100),
                      ('agents', length(s.agents) - 100), ('releases', length(s.releases) - 100),
                      ('prompts', length(s.prompts) - 100), ('metadata', length(s.metadata) - 100)]),
         'Map(String, Int64)') AS more,
    CAST(arrayMap(n -> (n, (
             arraySum(x -> x.count, arrayFilter(x -> x.name = n, s.scores)),
             arraySum(x -> ifNull(x.value, 0) * x.count, arrayFilter(x -> x.name = n, s.scores))
                 / nullIf(arraySum(x -> x.count, arrayFilter(x -> x.name = n AND x.value IS NOT NULL, s.scores)), 0),
             CAST(arrayMap(x -> (x.label, x.count), arrayFilter(x -> x.name = n AND x.value IS NULL, s.scores)),
                  'Map(String, UInt64)'))),
             arrayDistinct(arrayMap(x -> x.name, s.scores))),
         'Map(String, Tuple(count UInt64, mean Nullable(Float64), labels Map(String, UInt64)))') AS scores,
    s.unpriced_usage AS unpriced_usage, if({content:Bool}, nullIf(s.input_preview, ''), NULL) AS input_preview,
    if({content:Bool}, nullIf(s.output_preview, ''), NULL) AS output_preview
FROM
(
    SELECT * FROM sessions
    WHERE project_id = {project:String} AND session_id IN (SELECT session_id FROM chosen)
    ORDER BY version DESC
    LIMIT 1 BY session_id
) AS s
WHERE s.spans > 0
