-- How many spans that a removal lists are there all the same.
SELECT count()
FROM spans
WHERE (project_id, toStartOfHour(started_at), trace_id, span_id) IN
(
    SELECT project_id, hour, trace_id, span_id FROM dead_spans WHERE removal = {removal:UUID}
)
