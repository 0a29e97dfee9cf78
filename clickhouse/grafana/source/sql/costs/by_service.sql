SELECT service AS service, toFloat64(sum(cost_usd)) AS cost, countIf(kind = 'llm') AS turns,
       cost / nullIf(turns, 0) AS `per turn`
FROM v_calls
WHERE session_id != '' AND trace_ended_at >= $__fromTime AND trace_started_at < $__toTime
  AND started_at >= $__fromTime AND started_at < $__toTime
  AND $__conditionalAll(project_id IN (${project:singlequote}), $project)
  AND $__conditionalAll(service IN (${service:singlequote}), $service)
  AND $__conditionalAll(model IN (${model:singlequote}), $model)
  AND $__conditionalAll(hasAny(environments, [${environment:singlequote}]), $environment)
GROUP BY service
ORDER BY cost DESC NULLS LAST, turns DESC, service
LIMIT 100
