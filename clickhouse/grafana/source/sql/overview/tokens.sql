SELECT $__timeInterval(started_at) AS time,
       sum(ifNull(input_tokens, 0)) - sum(ifNull(cache_read_tokens, 0)) AS `input`,
       sum(ifNull(cache_read_tokens, 0)) AS `input from cache`, sum(ifNull(output_tokens, 0)) AS `output`
FROM v_calls
WHERE session_id != '' AND started_at >= $__fromTime AND started_at < $__toTime
  AND $__conditionalAll(project_id IN (${project:singlequote}), $project)
  AND $__conditionalAll(service IN (${service:singlequote}), $service)
  AND $__conditionalAll(model IN (${model:singlequote}), $model)
  AND $__conditionalAll(hasAny(environments, [${environment:singlequote}]), $environment)
GROUP BY time
ORDER BY time
