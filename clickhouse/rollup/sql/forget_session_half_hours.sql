-- Of the same sessions. What was noted lately, or is queued, may be written about yet.
DELETE FROM session_half_hours
WHERE noted_at < fromUnixTimestamp64Micro({settled_us:Int64}, 'UTC')
  AND (project_id, session_id) IN
(
    SELECT project_id, session_id
    FROM sessions FINAL
    WHERE sessions.spans = 0 AND recomputed_at < fromUnixTimestamp64Micro({over_us:Int64}, 'UTC')
)
  AND (project_id, session_id) NOT IN
(
    SELECT project_id, session_id FROM session_queue GROUP BY stamp, id, project_id, session_id HAVING sum(sign) > 0
)
