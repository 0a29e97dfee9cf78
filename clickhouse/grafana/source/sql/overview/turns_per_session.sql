SELECT multiIf(turns <= 10, toString(turns), turns <= 20, '11-20', turns <= 50, '21-50', turns <= 100, '51-100', '> 100') AS `turns`,
       count() AS sessions
FROM v_sessions
WHERE last_active_at >= $__fromTime AND started_at < $__toTime
  AND $__conditionalAll(project_id IN (${project:singlequote}), $project)
  AND $__conditionalAll(hasAny(services, [${service:singlequote}]), $service)
  AND $__conditionalAll(hasAny(models, [${model:singlequote}]), $model)
  AND $__conditionalAll(hasAny(environments, [${environment:singlequote}]), $environment)
GROUP BY `turns`
ORDER BY min(v_sessions.turns)
