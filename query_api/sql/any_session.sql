-- A session of the project, if there is any.
SELECT s.session_id AS session_id
FROM sessions AS s FINAL
WHERE s.project_id = {project:String}
  AND s.spans > 0
LIMIT 1
