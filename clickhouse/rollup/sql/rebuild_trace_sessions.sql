-- What trace_sessions_mv does for new rows, for a day of old ones.
INSERT INTO trace_sessions
SELECT DISTINCT project_id, trace_id,
       arrayJoin(arrayFilter(id -> id != '', [s.session_id, conversation_id, resource_session_id, default_session_id])) AS session_id
FROM spans AS s
WHERE toDate(s.started_at) = {day:Date} AND s.stored_at >= fromUnixTimestamp64Micro({since_us:Int64}, 'UTC')
