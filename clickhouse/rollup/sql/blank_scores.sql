-- What evaluators said of what is over. Before the spans and records, which know what that is.
ALTER TABLE scores UPDATE comment = ''
WHERE comment != '' AND (project_id, trace_id) IN
(
    SELECT project_id, trace_id FROM spans
    WHERE content_until > toDateTime(0) AND content_until <= {until:DateTime('UTC')}
    UNION DISTINCT
    SELECT project_id, trace_id FROM log_calls
    WHERE content_until > toDateTime(0) AND content_until <= {until:DateTime('UTC')}
)
