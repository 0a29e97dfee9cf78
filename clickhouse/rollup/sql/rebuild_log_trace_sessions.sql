-- What log_trace_sessions_mv does for new rows, for a day of old ones.
INSERT INTO trace_sessions
SELECT DISTINCT project_id, trace_id,
       arrayJoin(arrayFilter(id -> id != '', [l.session_id, conversation_id, resource_session_id, default_session_id])) AS session_id
FROM log_calls AS l
WHERE toDate(l.started_at) = {day:Date} AND l.stored_at >= fromUnixTimestamp64Micro({since_us:Int64}, 'UTC')
