-- In two steps, as in forget_sessions.sql: nobody may read what they had as the newest there is.
DELETE FROM session_traces
WHERE recomputed_at < now64(6) - toIntervalSecond({settled_seconds:UInt32}) AND (spans > 0) = {had:Bool}
  AND (project_id, trace_id) IN (SELECT project_id, trace_id FROM dead_spans WHERE removal = {removal:UUID})
