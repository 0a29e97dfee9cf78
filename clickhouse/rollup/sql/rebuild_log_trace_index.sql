-- What log_trace_index_mv does for new rows, for a day of old ones.
INSERT INTO trace_index
SELECT project_id, trace_id, groupUniqArray(toStartOfHour(l.started_at)) AS hours, min(l.started_at) AS started_at,
       max(l.ended_at) AS ended_at, max(if(l.retention_days = 0, 65535, l.retention_days)) AS retention_days
FROM log_calls AS l
WHERE toDate(l.started_at) = {day:Date} AND l.stored_at >= fromUnixTimestamp64Micro({since_us:Int64}, 'UTC')
GROUP BY project_id, trace_id
