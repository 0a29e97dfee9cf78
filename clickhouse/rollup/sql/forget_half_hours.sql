-- Of sessions that have had nothing for over an hour, in two steps, as in forget_sessions.sql.
DELETE FROM half_hours
WHERE recomputed_at < fromUnixTimestamp64Micro({settled_us:Int64}, 'UTC') AND notEmpty(`sums.of`) = {had:Bool}
  AND (project_id, session_id) IN
(
    SELECT project_id, session_id
    FROM sessions FINAL
    WHERE sessions.spans = 0 AND recomputed_at < fromUnixTimestamp64Micro({over_us:Int64}, 'UTC')
)
