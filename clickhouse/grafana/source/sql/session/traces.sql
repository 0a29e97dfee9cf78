SELECT started_at AS started, name, duration_ms AS duration, spans, turns, total_tokens AS tokens,
       toFloat64(cost_usd) AS cost, status, input_preview AS input, output_preview AS output, trace_id AS trace,
       project_id AS project
FROM v_traces
WHERE project_id = ${project:singlequote} AND session_id = decodeURLComponent('${session:percentencode}')
ORDER BY started_at, trace_id
LIMIT 1000
