-- What trace_index_mv does for new rows, for a day of old ones.
INSERT INTO trace_index
SELECT project_id, trace_id, groupUniqArray(toStartOfHour(s.started_at)) AS hours, min(s.started_at) AS started_at,
       max(s.ended_at) AS ended_at, max(if(s.retention_days = 0, 65535, s.retention_days)) AS retention_days
FROM spans AS s
WHERE toDate(s.started_at) = {day:Date} AND s.stored_at >= fromUnixTimestamp64Micro({since_us:Int64}, 'UTC')
GROUP BY project_id, trace_id
