-- What was said in these log records, as JSON text, in the order of their log.
SELECT trace_id, record_id, says, error_message, if(expired, '', l.input_messages) AS input_messages,
       if(expired, '', l.output_messages) AS output_messages,
       if(expired, '', l.system_instructions) AS system_instructions,
       if(expired, '', l.tool_definitions) AS tool_definitions, if(expired, '', l.tool_arguments) AS tool_arguments,
       if(expired, '', l.tool_result) AS tool_result, if(expired, '', l.input_preview) AS input_preview,
       if(expired, '', l.output_preview) AS output_preview
FROM
(
    SELECT *, content_until > toDateTime(0) AND content_until <= now() AS expired
    FROM log_calls FINAL
    WHERE (project_id, toStartOfHour(started_at), trace_id) IN (
              SELECT project_id, arrayJoin(hours), trace_id FROM trace_index
              WHERE project_id = {project:String} AND trace_id IN (SELECT trace_id FROM records))
      AND (trace_id, record_id) IN (SELECT trace_id, record_id FROM records)
) AS l
ORDER BY l.started_at, l.position, l.record_id
