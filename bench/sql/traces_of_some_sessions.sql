-- Traces at random, for questions that name one.
SELECT trace_id FROM session_traces WHERE project_id = 'bench' ORDER BY cityHash64(trace_id) LIMIT 500
