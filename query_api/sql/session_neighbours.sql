-- The sessions of the same user before and after one, by their start. Empty: there is none.
WITH (SELECT (s.user_id, s.started_at, s.session_id) FROM sessions AS s FINAL
      WHERE s.project_id = {project:String} AND s.session_id = {session_id:String} AND s.spans > 0) AS me
SELECT maxIf((s.started_at, s.session_id), (s.started_at, s.session_id) < (me.2, me.3)).2 AS previous,
       minIf((s.started_at, s.session_id), (s.started_at, s.session_id) > (me.2, me.3)).2 AS next
FROM sessions AS s FINAL
WHERE s.project_id = {project:String}
  AND has(s.user_ids, ifNull(me.1, ''))
  AND s.spans > 0
