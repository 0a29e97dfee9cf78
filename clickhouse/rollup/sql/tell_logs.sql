-- Whether any log records may tell of a slice of traces: most projects send none, and their recomputes need not look.
SELECT 1
FROM {home:Identifier}.log_calls
WHERE project_id IN (SELECT project_id FROM slice)
LIMIT 1
