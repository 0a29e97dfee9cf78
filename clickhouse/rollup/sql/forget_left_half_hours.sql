-- Notes of half hours that sessions have left for good: else each recompute of a session that lives for years would empty
-- all of them again. What was noted lately, or is queued, may be written about yet.
DELETE FROM session_half_hours
WHERE noted_at < fromUnixTimestamp64Micro({settled_us:Int64}, 'UTC')
  AND (project_id, session_id, since) IN
(
    SELECT project_id, session_id, since
    FROM half_hours FINAL
    WHERE empty(`sums.of`) AND recomputed_at < fromUnixTimestamp64Micro({settled_us:Int64}, 'UTC')
)
  AND (project_id, session_id) NOT IN
(
    SELECT project_id, session_id FROM session_queue GROUP BY stamp, id, project_id, session_id HAVING sum(sign) > 0
)
