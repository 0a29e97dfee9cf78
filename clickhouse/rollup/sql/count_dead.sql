-- How many spans, of how many traces, a removal lists. Log records go with them, and are no spans.
SELECT uniqExactIf((project_id, trace_id, span_id), NOT startsWith(span_id, 'log-')), uniqExact(project_id, trace_id)
FROM dead_spans
WHERE removal = {removal:UUID}
