-- Models whose turns have no cost. A failed turn without usage needs none.
SELECT if(calls.response_model != '', calls.response_model, calls.request_model) AS model,
       any(calls.provider) AS provider,
       countIf(calls.cost_usd IS NULL
               AND NOT (calls.failed
                        AND coalesce(calls.input_tokens, calls.output_tokens, calls.cache_read_tokens,
                                     calls.cache_write_tokens, calls.reasoning_tokens) IS NULL)) AS unpriced_turns,
       count() AS turns
FROM session_traces AS t FINAL
ARRAY JOIN calls
WHERE t.project_id = {project:String}
  AND t.spans > 0
  AND calls.kind = 'llm'
  AND t.ended_at >= fromUnixTimestamp64Nano({from_ns:Int64}, 'UTC')
  AND t.started_at < fromUnixTimestamp64Nano({to_ns:Int64}, 'UTC')
GROUP BY model
HAVING unpriced_turns > 0
ORDER BY unpriced_turns DESC, model
LIMIT 100
