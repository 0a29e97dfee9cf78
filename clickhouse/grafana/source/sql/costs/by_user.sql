SELECT user_id AS user, project_id AS project, toFloat64(sum(cost_usd)) AS cost, uniqExact(session_id) AS sessions,
       countIf(kind = 'llm') AS turns, sum(ifNull(input_tokens, 0) + ifNull(output_tokens, 0)) AS tokens,
       cost / sessions AS `per session`
FROM v_calls
WHERE session_id != '' AND started_at >= $__fromTime AND started_at < $__toTime
  AND $__conditionalAll(project_id IN (${project:singlequote}), $project)
  AND $__conditionalAll(service IN (${service:singlequote}), $service)
  AND $__conditionalAll(model IN (${model:singlequote}), $model)
  AND $__conditionalAll(hasAny(environments, [${environment:singlequote}]), $environment)
GROUP BY user, project
ORDER BY cost DESC NULLS LAST, turns DESC, user
LIMIT 100
