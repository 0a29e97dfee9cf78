-- What was said of a session, its traces and their spans, the latest first.
SELECT c.score_id AS score_id, c.name AS name, c.value AS value, nullIf(c.label, '') AS label,
       if({content:Bool}, nullIf(c.comment, ''), NULL) AS comment, nullIf(c.trace_id, '') AS trace_id,
       nullIf(c.span_id, '') AS span_id, c.scored_at AS scored_at
FROM scores AS c FINAL
WHERE c.project_id = {project:String}
  AND (c.trace_id = '' AND c.session_id = {session_id:String}
       OR c.trace_id != '' AND c.trace_id IN (
          SELECT t.trace_id FROM session_traces AS t FINAL
          WHERE t.project_id = {project:String} AND t.session_id = {session_id:String} AND t.spans > 0))
ORDER BY scored_at DESC, score_id
LIMIT 100
