SELECT session_id AS session, user_id AS user, project_id AS project, toFloat64(cost_usd) AS cost, turns,
       total_tokens AS tokens, cost / nullIf(turns, 0) AS `per turn`, last_active_at AS `last active`
FROM v_sessions
WHERE last_active_at >= $__fromTime AND started_at < $__toTime
  AND $__conditionalAll(project_id IN (${project:singlequote}), $project)
  AND $__conditionalAll(hasAny(services, [${service:singlequote}]), $service)
  AND $__conditionalAll(hasAny(models, [${model:singlequote}]), $model)
  AND $__conditionalAll(hasAny(environments, [${environment:singlequote}]), $environment)
ORDER BY cost DESC NULLS LAST, turns DESC, session
LIMIT 100
