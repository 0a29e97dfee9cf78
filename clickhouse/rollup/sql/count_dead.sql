-- How many rows, of how many spans and traces, a removal lists.
SELECT uniqExact(project_id, trace_id, span_id), uniqExact(project_id, trace_id)
FROM dead_spans
WHERE removal = {removal:UUID}
