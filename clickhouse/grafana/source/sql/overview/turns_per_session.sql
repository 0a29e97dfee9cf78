SELECT multiIf(s.turns <= 10, toString(s.turns), s.turns <= 20, '11-20', s.turns <= 50, '21-50',
               s.turns <= 100, '51-100', '> 100') AS turns,
       count() AS sessions
FROM v_sessions AS s
WHERE last_active_at >= $__fromTime AND started_at < $__toTime
  AND $__conditionalAll(project_id IN (${project:singlequote}), $project)
  AND $__conditionalAll(hasAny(services, [${service:singlequote}]), $service)
  AND $__conditionalAll(hasAny(models, [${model:singlequote}]), $model)
  AND $__conditionalAll(hasAny(environments, [${environment:singlequote}]), $environment)
GROUP BY turns
ORDER BY min(s.turns)
