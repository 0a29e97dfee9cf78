-- A page of users: what those of the chosen sessions add up to, call by call, in the order of one key. Traces that lie
-- in several sessions or half hours are counted by their ids. A trace without calls is that of all its users.
WITH if({sort:Identifier} IS NULL, NULL,
        CAST(ifNull({sort:Identifier}, 0), 'Decimal(38, 12)') * if({descending:Bool}, -1, 1)) AS key
SELECT
    m.user AS user_id, uniqExact(m.session_id) AS sessions,
    sumIf(m.traces, m.trace_id = '') + uniqExactIf(m.trace_id, m.trace_id != '') AS traces, sum(m.turns) AS turns,
    sum(m.input_tokens) AS input_tokens, sum(m.output_tokens) AS output_tokens,
    input_tokens + output_tokens AS total_tokens, sum(m.cache_read_tokens) AS cache_read_tokens,
    sum(m.cache_write_tokens) AS cache_write_tokens, sum(m.reasoning_tokens) AS reasoning_tokens,
    sum(m.cost_usd) AS cost_usd, sum(m.errors) AS errors, min(m.started_at) AS started_at,
    max(m.ended_at) AS last_active_at, toString(key) AS sort_value, m.user AS sort_id
FROM
(
    SELECT arrayJoin(if(sums.of = 'trace', sums.users, [sums.user_id])) AS user, s.session_id AS session_id,
           sums.trace_id AS trace_id, sums.user_traces AS traces, sums.turns AS turns, sums.errors AS errors,
           sums.input_tokens AS input_tokens, sums.output_tokens AS output_tokens,
           sums.cache_read_tokens AS cache_read_tokens, sums.cache_write_tokens AS cache_write_tokens,
           sums.reasoning_tokens AS reasoning_tokens, sums.cost_usd AS cost_usd, sums.started_at AS started_at,
           sums.ended_at AS ended_at
    FROM sessions AS s FINAL
    ARRAY JOIN sums
    WHERE s.project_id = {project:String}
      AND s.spans > 0
      AND (empty({only:Array(String)}) OR hasAny(s.user_ids, {only:Array(String)}))
      AND ({everything:Bool} OR s.session_id IN (SELECT session_id FROM chosen))
) AS m
WHERE m.user != ''
  AND (empty({only:Array(String)}) OR m.user IN {only:Array(String)})
GROUP BY m.user
HAVING {after_id:Nullable(String)} IS NULL
    OR (key IS NULL, ifNull(key, 0), m.user)
       > ({after_null:Bool}, {after_value:Decimal(38, 12)}, ifNull({after_id:Nullable(String)}, ''))
ORDER BY key IS NULL, key, user_id
LIMIT {limit:UInt32}
