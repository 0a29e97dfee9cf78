SELECT user_id AS user, project_id AS project, toFloat64(sum(cost_usd)) AS cost, sum(turns) AS turns,
       sum(total_tokens) AS tokens, count() AS traces, cost / traces AS `per trace`
FROM v_traces
WHERE session_id != '' AND started_at >= $__fromTime AND started_at < $__toTime
  AND $__conditionalAll(project_id IN (${project:singlequote}), $project)
  AND $__conditionalAll(hasAny(services, [${service:singlequote}]), $service)
  AND $__conditionalAll(hasAny(models, [${model:singlequote}]), $model)
  AND $__conditionalAll(hasAny(environments, [${environment:singlequote}]), $environment)
GROUP BY user, project
ORDER BY cost DESC NULLS LAST, turns DESC, user
LIMIT 100
