-- The traces whose content is over: their previews go with the next recompute.
INSERT INTO trace_changes (project_id, trace_id)
SELECT DISTINCT project_id, trace_id
FROM span_facts
WHERE content_until > toDateTime(0) AND content_until <= {until:DateTime('UTC')}
UNION DISTINCT
SELECT project_id, trace_id
FROM log_calls
WHERE content_until > toDateTime(0) AND content_until <= {until:DateTime('UTC')}
