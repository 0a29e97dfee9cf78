SELECT model AS model, toFloat64(sum(cost_usd)) AS cost, countIf(kind = 'llm') AS turns,
       sum(ifNull(input_tokens, 0)) AS input, sum(ifNull(output_tokens, 0)) AS output, cost / nullIf(turns, 0) AS `per turn`
FROM v_calls
WHERE session_id != '' AND trace_ended_at >= $__fromTime AND trace_started_at < $__toTime
  AND started_at >= $__fromTime AND started_at < $__toTime
  AND $__conditionalAll(project_id IN (${project:singlequote}), $project)
  AND $__conditionalAll(service IN (${service:singlequote}), $service)
  AND $__conditionalAll(model IN (${model:singlequote}), $model)
  AND $__conditionalAll(hasAny(environments, [${environment:singlequote}]), $environment)
GROUP BY model
ORDER BY cost DESC NULLS LAST, turns DESC, model
LIMIT 100
