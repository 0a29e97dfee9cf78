SELECT user_id AS user, project_id AS project, count() AS sessions, sum(traces) AS `traces in them`,
       sum(turns) AS `turns in them`,
       sum(total_tokens) AS tokens, toFloat64(sum(cost_usd)) AS cost, sum(errors) AS `failed turns`,
       max(last_active_at) AS `last active`
FROM v_sessions
WHERE last_active_at >= $__fromTime AND started_at < $__toTime
  AND $__conditionalAll(project_id IN (${project:singlequote}), $project)
  AND $__conditionalAll(hasAny(services, [${service:singlequote}]), $service)
  AND $__conditionalAll(hasAny(models, [${model:singlequote}]), $model)
  AND $__conditionalAll(hasAny(environments, [${environment:singlequote}]), $environment)
  AND user_id != ''
GROUP BY user, project
ORDER BY sessions DESC, `turns in them` DESC, user
LIMIT 200
