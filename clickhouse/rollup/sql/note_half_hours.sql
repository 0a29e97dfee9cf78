-- Where these sessions have anything, whoever wrote it.
INSERT INTO session_half_hours (project_id, session_id, since)
SELECT project_id, session_id, since
FROM half_hours
WHERE notEmpty(`sums.of`) AND (project_id, session_id) IN (SELECT project_id, session_id FROM slice)
