SELECT uniqExactIf((project_id, user_id), user_id != '') AS users, uniqExactIf((project_id, session_id), user_id != '') / nullIf(users, 0) AS `sessions per user`,
       toFloat64(sumIf(cost_usd, user_id != '')) / nullIf(users, 0) AS `cost per user`,
       if(count() = 0, NULL, countIf(user_id = '') / count()) AS `calls without a user`
FROM v_calls
WHERE session_id != '' AND started_at >= $__fromTime AND started_at < $__toTime
  AND $__conditionalAll(project_id IN (${project:singlequote}), $project)
  AND $__conditionalAll(service IN (${service:singlequote}), $service)
  AND $__conditionalAll(model IN (${model:singlequote}), $model)
  AND $__conditionalAll(hasAny(environments, [${environment:singlequote}]), $environment)
