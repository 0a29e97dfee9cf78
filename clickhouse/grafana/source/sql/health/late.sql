SELECT service, max(received_at) AS `last received`, count() AS spans,
       greatest(0, date_diff('second', max(received_at), now64(6))) AS silent
FROM v_arrivals
WHERE stored_at >= $__fromTime AND stored_at < $__toTime
  AND $__conditionalAll(project_id IN (${project:singlequote}), $project)
  AND $__conditionalAll(service IN (${service:singlequote}), $service)
GROUP BY service
ORDER BY silent DESC, service
LIMIT 100
