SELECT $__timeInterval(started_at) AS time, count() AS `sessions started`
FROM v_sessions
WHERE started_at >= $__fromTime AND started_at < $__toTime
  AND $__conditionalAll(project_id IN (${project:singlequote}), $project)
  AND $__conditionalAll(hasAny(services, [${service:singlequote}]), $service)
  AND $__conditionalAll(hasAny(models, [${model:singlequote}]), $model)
  AND $__conditionalAll(hasAny(environments, [${environment:singlequote}]), $environment)
GROUP BY time
ORDER BY time
