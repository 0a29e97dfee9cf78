-- A page of users: what those of the chosen sessions add up to, call by call, in the order of one key.
WITH if({sort:Identifier} IS NULL, NULL,
        CAST(ifNull({sort:Identifier}, 0), 'Decimal(38, 12)') * if({descending:Bool}, -1, 1)) AS key
SELECT
    m.user AS user_id, uniqExact(m.session_id) AS sessions, uniqExact(m.trace_id) AS traces,
    sum(arrayCount((u, k) -> u = m.user AND k = 'llm', m.users, m.kinds)) AS turns,
    sum(arraySum((u, x) -> if(u = m.user, ifNull(x, 0), 0), m.users, m.input_tokens)) AS input_tokens,
    sum(arraySum((u, x) -> if(u = m.user, ifNull(x, 0), 0), m.users, m.output_tokens)) AS output_tokens,
    input_tokens + output_tokens AS total_tokens,
    sum(arraySum((u, x) -> if(u = m.user, ifNull(x, 0), 0), m.users, m.cache_read_tokens)) AS cache_read_tokens,
    sum(arraySum((u, x) -> if(u = m.user, ifNull(x, 0), 0), m.users, m.cache_write_tokens)) AS cache_write_tokens,
    sum(arraySum((u, x) -> if(u = m.user, ifNull(x, 0), 0), m.users, m.reasoning_tokens)) AS reasoning_tokens,
    if(sum(arrayCount((u, x) -> u = m.user AND x IS NOT NULL, m.users, m.costs)) = 0, NULL,
       sum(arraySum((u, x) -> if(u = m.user, ifNull(toDecimal128(x, 12), toDecimal128(0, 12)), toDecimal128(0, 12)),
                    m.users, m.costs))) AS cost_usd,
    sum(arrayCount((u, k, f) -> u = m.user AND k = 'llm' AND f, m.users, m.kinds, m.failures)) AS errors,
    min(m.started_at) AS started_at, max(m.ended_at) AS last_active_at, toString(key) AS sort_value, m.user AS sort_id
FROM
(
    SELECT t.session_id AS session_id, t.trace_id AS trace_id, t.started_at AS started_at, t.ended_at AS ended_at,
           arrayJoin(t.user_ids) AS user, t.calls.user_id AS users, t.calls.kind AS kinds, t.calls.failed AS failures,
           t.calls.cost_usd AS costs, t.calls.input_tokens AS input_tokens, t.calls.output_tokens AS output_tokens,
           t.calls.cache_read_tokens AS cache_read_tokens, t.calls.cache_write_tokens AS cache_write_tokens,
           t.calls.reasoning_tokens AS reasoning_tokens
    FROM session_traces AS t FINAL
    WHERE t.project_id = {project:String}
      AND t.spans > 0
      AND t.session_id != ''
      AND (empty({only:Array(String)}) OR hasAny(t.user_ids, {only:Array(String)}))
      AND ({everything:Bool} OR t.session_id IN (SELECT session_id FROM chosen))
) AS m
WHERE empty({only:Array(String)}) OR m.user IN {only:Array(String)}
GROUP BY m.user
HAVING {after_id:Nullable(String)} IS NULL
    OR (key IS NULL, ifNull(key, 0), m.user)
       > ({after_null:Bool}, {after_value:Decimal(38, 12)}, ifNull({after_id:Nullable(String)}, ''))
ORDER BY key IS NULL, key, user_id
LIMIT {limit:UInt32}
