SELECT count() AS users, sum(each.sessions) / nullIf(users, 0) AS `sessions per user`,
       sum(each.cost) / nullIf(users, 0) AS `cost per user`, quantileOrNull(0.5)(each.cost) AS `cost, p50`,
       quantileOrNull(0.95)(each.cost) AS `cost, p95`, quantileOrNull(0.5)(each.turns) AS `turns, p50`,
       quantileOrNull(0.95)(each.turns) AS `turns, p95`
FROM
(
    SELECT count() AS sessions, sum(traces) AS traces, sum(turns) AS turns, toFloat64(sum(cost_usd)) AS cost
    FROM v_sessions
    WHERE last_active_at >= $__fromTime AND started_at < $__toTime
      AND $__conditionalAll(project_id IN (${project:singlequote}), $project)
      AND $__conditionalAll(hasAny(services, [${service:singlequote}]), $service)
      AND $__conditionalAll(hasAny(models, [${model:singlequote}]), $model)
      AND $__conditionalAll(hasAny(environments, [${environment:singlequote}]), $environment)
      AND user_id != ''
    GROUP BY project_id, user_id
) AS each
