SELECT session_id AS session, user_id AS user, project_id AS project, started_at AS started,
       last_active_at AS `last active`, duration_ms AS duration, turns, traces, total_tokens AS tokens,
       toFloat64(cost_usd) AS cost, errors AS `failed turns`, status, models, input_preview AS `first input`
FROM v_sessions
WHERE last_active_at >= $__fromTime AND started_at < $__toTime
  AND $__conditionalAll(project_id IN (${project:singlequote}), $project)
  AND $__conditionalAll(hasAny(services, [${service:singlequote}]), $service)
  AND $__conditionalAll(hasAny(models, [${model:singlequote}]), $model)
  AND $__conditionalAll(hasAny(environments, [${environment:singlequote}]), $environment)
ORDER BY last_active_at DESC, session_id
LIMIT 100
