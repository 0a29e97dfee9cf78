-- Traces that serve several sessions: their ids disagree, or they are meant to.
SELECT t.trace_id AS trace_id, arraySlice(arraySort(groupUniqArray(t.session_id)), 1, 100) AS session_ids,
       count() OVER () AS total
FROM session_traces AS t FINAL
WHERE t.project_id = {project:String}
  AND t.spans > 0
  AND t.session_id != ''
  AND t.ended_at >= fromUnixTimestamp64Nano({from_ns:Int64}, 'UTC')
  AND t.started_at < fromUnixTimestamp64Nano({to_ns:Int64}, 'UTC')
GROUP BY t.trace_id
HAVING count() > 1
ORDER BY trace_id
LIMIT 100
