-- What was said of these traces and their spans.
SELECT project_id, trace_id, span_id, name, value, label
FROM {home:Identifier}.scores FINAL
WHERE (project_id, trace_id) IN (SELECT project_id, trace_id FROM slice)
