-- The turns of a session just before a place in the order of time, the latest first.
WITH toDecimal128(toUnixTimestamp64Nano(calls.started_at), 12) AS key,
     concat(t.trace_id, '/', calls.span_id) AS id
SELECT t.trace_id AS trace_id, calls.span_id AS span_id, calls.members AS members
FROM session_traces AS t FINAL
ARRAY JOIN calls
WHERE t.project_id = {project:String}
  AND t.session_id = {session_id:String}
  AND t.spans > 0
  AND calls.kind = 'llm'
  AND (key, id) <= ({after_value:Decimal(38, 12)}, {after_id:String})
ORDER BY key DESC, id DESC
LIMIT {limit:UInt32}
