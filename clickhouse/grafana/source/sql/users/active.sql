SELECT $__timeInterval(started_at) AS time, uniqIf((project_id, user_id), user_id != '') AS users
FROM v_traces
WHERE session_id != '' AND started_at >= $__fromTime AND started_at < $__toTime
  AND $__conditionalAll(project_id IN (${project:singlequote}), $project)
  AND $__conditionalAll(hasAny(services, [${service:singlequote}]), $service)
  AND $__conditionalAll(hasAny(models, [${model:singlequote}]), $model)
  AND $__conditionalAll(hasAny(environments, [${environment:singlequote}]), $environment)
GROUP BY time
ORDER BY time
