-- Which traces of a slice stand in quarantine.
SELECT project_id, trace_id
FROM quarantined_traces FINAL
WHERE reason != '' AND (project_id, trace_id) IN (SELECT project_id, trace_id FROM slice)
