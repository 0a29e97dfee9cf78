SELECT started_at AS started, kind, name, model, duration_ms AS duration, first_token_ms AS `first token`,
       input_tokens AS input, cache_read_tokens AS `from cache`, output_tokens AS output, toFloat64(cost_usd) AS cost,
       toFloat64(sum(ifNull(cost_usd, 0)) OVER (ORDER BY started_at, span_id)) AS `cost so far`,
       cost_source AS `cost from`, status, error_type AS error, tool_name AS tool, trace_id AS trace,
       project_id AS project
FROM v_calls
WHERE project_id = ${project:singlequote} AND session_id = decodeURLComponent('${session:percentencode}')
ORDER BY started_at, span_id
LIMIT 1000
