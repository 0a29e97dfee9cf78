-- These sessions, in any order. Of few rows, the newest is found sooner by looking at all of them than by FINAL.
SELECT s.session_id AS session_id, s.shown AS shown
FROM
(
    SELECT session_id, spans, shown FROM sessions
    WHERE project_id = {project:String} AND session_id IN (SELECT session_id FROM chosen)
    ORDER BY version DESC
    LIMIT 1 BY session_id
) AS s
WHERE s.spans > 0
