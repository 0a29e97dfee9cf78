SELECT user_id AS user, project_id AS project, uniqExact(session_id) AS sessions, uniqExact(trace_id) AS traces, countIf(kind = 'llm') AS turns,
       sum(ifNull(input_tokens, 0) + ifNull(output_tokens, 0)) AS tokens, toFloat64(sum(cost_usd)) AS cost,
       countIf(kind = 'llm' AND status = 'error') AS `failed turns`, max(started_at) AS `last call`
FROM v_calls
WHERE session_id != '' AND started_at >= $__fromTime AND started_at < $__toTime
  AND $__conditionalAll(project_id IN (${project:singlequote}), $project)
  AND $__conditionalAll(service IN (${service:singlequote}), $service)
  AND $__conditionalAll(model IN (${model:singlequote}), $model)
  AND $__conditionalAll(hasAny(environments, [${environment:singlequote}]), $environment)
  AND user_id != ''
GROUP BY user, project
ORDER BY sessions DESC, turns DESC, user
LIMIT 200
