SELECT count() AS sessions, uniqExactArray(user_ids) AS users, sum(traces) AS `traces in them`,
       if(count() = 0, NULL, sum(error_traces) / sum(traces)) AS `failing traces`, sum(turns) AS `turns in them`,
       sum(total_tokens) AS tokens, toFloat64(sum(cost_usd)) AS cost, sum(errors) AS `failed turns`
FROM v_sessions
WHERE last_active_at >= $__fromTime AND started_at < $__toTime
  AND $__conditionalAll(project_id IN (${project:singlequote}), $project)
  AND $__conditionalAll(hasAny(services, [${service:singlequote}]), $service)
  AND $__conditionalAll(hasAny(models, [${model:singlequote}]), $model)
  AND $__conditionalAll(hasAny(environments, [${environment:singlequote}]), $environment)
