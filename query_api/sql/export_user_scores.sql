-- The scores of a user's traces, and of the sessions that are theirs alone.
SELECT c.trace_id AS trace_id, c.span_id AS span_id, c.session_id AS session_id, c.name AS name, c.value AS value,
       c.label AS label, c.comment AS comment, c.scored_at AS scored_at
FROM scores AS c FINAL
WHERE c.project_id = {project:String}
  AND (c.trace_id != '' AND c.trace_id IN (
           SELECT t.trace_id FROM session_traces AS t FINAL
           WHERE t.project_id = {project:String} AND t.spans > 0 AND t.user_ids = [{user_id:String}])
       OR c.trace_id = '' AND c.session_id IN (
           SELECT s.session_id FROM sessions AS s FINAL
           WHERE s.project_id = {project:String} AND s.spans > 0 AND s.user_ids = [{user_id:String}]))
