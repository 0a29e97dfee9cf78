SELECT toFloat64(cost_usd) AS cost, total_tokens AS tokens, duration_ms AS duration, active_ms AS active, turns, traces,
       tool_calls AS `tool calls`, errors AS `failed turns`
FROM v_sessions
WHERE project_id = ${project:singlequote} AND session_id = decodeURLComponent('${session:percentencode}')
