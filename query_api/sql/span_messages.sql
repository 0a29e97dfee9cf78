-- What was said in these spans, as JSON text: the newest row of each.
SELECT trace_id, span_id, if(expired, '', s.input_messages) AS input_messages,
       if(expired, '', s.output_messages) AS output_messages,
       if(expired, '', s.system_instructions) AS system_instructions,
       if(expired, '', s.input_preview) AS input_preview, if(expired, '', s.output_preview) AS output_preview
FROM
(
    SELECT trace_id, span_id, input_messages, output_messages, system_instructions, input_preview, output_preview,
           content_until > toDateTime(0) AND content_until <= now() AS expired
    FROM spans
    WHERE (project_id, toStartOfHour(started_at), trace_id) IN (
              SELECT project_id, arrayJoin(hours), trace_id FROM trace_index
              WHERE project_id = {project:String} AND trace_id IN {trace_ids:Array(String)})
      AND span_id IN {span_ids:Array(String)}
    ORDER BY version DESC
    LIMIT 1 BY trace_id, span_id
) AS s
