SELECT quantileOrNull(0.5)(each.cost) AS `cost, p50`, quantileOrNull(0.95)(each.cost) AS `cost, p95`, quantileOrNull(0.5)(each.turns) AS `turns, p50`,
       quantileOrNull(0.95)(each.turns) AS `turns, p95`
FROM
(
    SELECT toFloat64(sum(cost_usd)) AS cost, countIf(kind = 'llm') AS turns
    FROM v_calls
    WHERE session_id != '' AND started_at >= $__fromTime AND started_at < $__toTime
      AND $__conditionalAll(project_id IN (${project:singlequote}), $project)
      AND $__conditionalAll(service IN (${service:singlequote}), $service)
      AND $__conditionalAll(model IN (${model:singlequote}), $model)
      AND $__conditionalAll(hasAny(environments, [${environment:singlequote}]), $environment)
      AND user_id != ''
    GROUP BY project_id, user_id
) AS each
