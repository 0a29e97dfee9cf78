-- In which traces a span id occurs: one, unless ids were made up badly.
SELECT DISTINCT trace_id
FROM span_facts
WHERE project_id = {project:String}
  AND span_id = {span_id:String}
LIMIT 2
