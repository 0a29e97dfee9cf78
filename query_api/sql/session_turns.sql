-- A page of a session's turns, in the order of time; each with where its trace begins and ends to speak, and the agents
-- of its trace: some programs tell what was said of the agent, and not of the turns.
WITH toDecimal128(toUnixTimestamp64Nano(calls.started_at), 12) AS key,
     concat(t.trace_id, '/', calls.span_id) AS id
SELECT
    calls.span_id AS span_id, t.trace_id AS trace_id, calls.started_at AS started_at, calls.members AS members,
    calls.started_at = arrayMin(t.turns_at) AS is_first, calls.started_at = arrayMax(t.turns_at) AS is_last,
    t.agent_ids AS agents, toString(key) AS sort_value, id AS sort_id
FROM
(
    SELECT trace_id, calls.span_id, calls.kind, calls.started_at, calls.members,
           arrayFilter((at, kind) -> kind = 'llm', calls.started_at, calls.kind) AS turns_at,
           arraySlice(arrayFilter((id, kind) -> kind = 'agent', calls.span_id, calls.kind), 1, 10) AS agent_ids
    FROM session_traces AS s FINAL
    WHERE s.project_id = {project:String}
      AND s.session_id = {session_id:String}
      AND s.spans > 0
) AS t
ARRAY JOIN calls
WHERE calls.kind = 'llm'
  AND ({after_id:Nullable(String)} IS NULL
       OR (key, id) > ({after_value:Decimal(38, 12)}, ifNull({after_id:Nullable(String)}, '')))
ORDER BY key, id
LIMIT {limit:UInt32}
