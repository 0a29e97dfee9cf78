-- Sessions whose half hours are not those of their rows: whoever wrote them died between the two; or did not know of the
-- first, as an older genai-sessions that ran on while this database was brought up to date.
SELECT DISTINCT project_id, session_id
FROM
(
    SELECT project_id, session_id, version, length(arrayDistinct(sums.since)) AS of_session, 0 AS in_time
    FROM sessions FINAL
    UNION ALL
    SELECT project_id, session_id, version, 0, 1
    FROM half_hours FINAL
    WHERE notEmpty(`sums.of`)
)
GROUP BY project_id, session_id, version
HAVING sum(of_session) != sum(in_time)
LIMIT {most:UInt32}
SETTINGS max_bytes_before_external_group_by = 1073741824
