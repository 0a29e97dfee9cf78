SELECT uniqExact(project_id, session_id) AS sessions, uniqExactArray(user_ids) AS users, uniqExact(trace_id) AS traces,
       if(traces = 0, NULL, uniqExactIf(trace_id, status = 'error') / traces) AS `failing traces`
FROM v_traces
WHERE session_id != '' AND started_at >= $__fromTime AND started_at < $__toTime
  AND $__conditionalAll(project_id IN (${project:singlequote}), $project)
  AND $__conditionalAll(hasAny(services, [${service:singlequote}]), $service)
  AND $__conditionalAll(hasAny(models, [${model:singlequote}]), $model)
  AND $__conditionalAll(hasAny(environments, [${environment:singlequote}]), $environment)
