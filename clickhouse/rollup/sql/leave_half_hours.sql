-- After a slice of sessions was written: nothing, at the version of the session's row, in each half hour that it has left.
-- Who wrote something there did so at an older version, or is followed by a recompute of his own.
INSERT INTO half_hours (project_id, since, session_id, version)
SELECT n.project_id, n.since, n.session_id, s.version
FROM session_half_hours AS n
INNER JOIN
(
    SELECT project_id, session_id, version, sums.since AS there
    FROM sessions FINAL
    WHERE (project_id, session_id) IN (SELECT project_id, session_id FROM slice)
) AS s ON s.project_id = n.project_id AND s.session_id = n.session_id
WHERE (n.project_id, n.session_id) IN (SELECT project_id, session_id FROM slice) AND NOT has(s.there, n.since)
