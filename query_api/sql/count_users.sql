-- How many users the chosen sessions have.
SELECT uniqExactArray(s.user_ids) AS total
FROM sessions AS s FINAL
WHERE s.project_id = {project:String}
  AND s.spans > 0
  AND ({everything:Bool} OR s.session_id IN (SELECT session_id FROM chosen))
