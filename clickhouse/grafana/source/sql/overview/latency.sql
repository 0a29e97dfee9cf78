SELECT $__timeInterval(started_at) AS time, quantile(0.5)(duration_ms) AS p50, quantile(0.95)(duration_ms) AS p95,
       quantile(0.99)(duration_ms) AS p99, quantile(0.5)(first_token_ms) AS `first token, p50`
FROM v_calls
WHERE session_id != '' AND trace_ended_at >= $__fromTime AND trace_started_at < $__toTime
  AND started_at >= $__fromTime AND started_at < $__toTime
  AND $__conditionalAll(project_id IN (${project:singlequote}), $project)
  AND $__conditionalAll(service IN (${service:singlequote}), $service)
  AND $__conditionalAll(model IN (${model:singlequote}), $model)
  AND $__conditionalAll(hasAny(environments, [${environment:singlequote}]), $environment)
  AND kind = 'llm'
GROUP BY time
ORDER BY time
