-- After a slice of sessions was written: nothing, at the version of the session's row, in each half hour that it has left.
-- Who wrote something there did so at an older version, or is followed by a recompute of his own. Grouped, not looked up:
-- a session may have thousands of both.
INSERT INTO half_hours (project_id, since, session_id, version)
SELECT project_id, half_hour.1 AS since, session_id, version
FROM
(
    SELECT s.project_id AS project_id, s.session_id AS session_id, s.version AS version,
           arrayJoin(arrayConcat(arrayMap(since -> (since, true), s.held), arrayMap(since -> (since, false), n.noted)))
               AS half_hour
    FROM
    (
        SELECT project_id, session_id, version, arrayDistinct(sums.since) AS held
        FROM sessions FINAL
        WHERE (project_id, session_id) IN (SELECT project_id, session_id FROM slice)
    ) AS s
    INNER JOIN
    (
        SELECT project_id, session_id, groupUniqArray(since) AS noted
        FROM {everywhere:Identifier}.session_half_hours
        WHERE (project_id, session_id) IN (SELECT project_id, session_id FROM slice)
        GROUP BY project_id, session_id
    ) AS n ON n.project_id = s.project_id AND n.session_id = s.session_id
)
GROUP BY project_id, session_id, version, since
HAVING NOT max(half_hour.2)
