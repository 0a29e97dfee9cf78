SELECT row_number() OVER (ORDER BY started_at, span_id) AS `call`,
       toFloat64(sum(ifNull(cost_usd, 0)) OVER (ORDER BY started_at, span_id)) AS `cost so far`
FROM v_calls
WHERE project_id = ${project:singlequote} AND session_id = decodeURLComponent('${session:percentencode}')
ORDER BY `call`
LIMIT 5000
