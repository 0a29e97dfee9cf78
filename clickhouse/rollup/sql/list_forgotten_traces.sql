-- Traces of which nothing is left, for over an hour, and nothing is queued or was left half way.
INSERT INTO dead_spans (removal, project_id, trace_id, span_id, hour)
SELECT {removal:UUID}, project_id, trace_id, '', toDateTime(0)
FROM session_traces FINAL
WHERE session_id = '' AND fingerprint = 0 AND recomputed_at < now64(6) - toIntervalSecond({after_seconds:UInt32})
  AND (project_id, trace_id, version) IN
  (
      SELECT project_id, trace_id, version
      FROM finished_traces
      WHERE (project_id, trace_id) IN (SELECT project_id, trace_id FROM session_traces WHERE session_id = '' AND fingerprint = 0)
  )
  AND (project_id, trace_id) NOT IN
      (SELECT project_id, trace_id FROM trace_queue GROUP BY stamp, id, project_id, trace_id HAVING sum(sign) > 0)
LIMIT {most:UInt32}
