SELECT max(lag_seconds) AS lag, sum(queued_traces) AS `queued traces`, sum(queued_sessions) AS `queued sessions`,
       sum(quarantined_traces) AS `quarantined traces`, sum(suppressed_spans) AS `suppressed spans`
FROM v_health
WHERE $__conditionalAll(project_id IN (${project:singlequote}), $project)
