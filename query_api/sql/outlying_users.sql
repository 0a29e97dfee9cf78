-- Users far beyond their peers by one measure, as `outlying_sessions` has it. What counts are their own calls in the
-- chosen sessions; their duration is that of their traces.
WITH peers AS
(
    SELECT m.user AS id,
           toFloat64(sum(arraySum((u, a, b) -> if(u = m.user, ifNull(a, 0) + ifNull(b, 0), 0),
                                  m.users, m.input_tokens, m.output_tokens))) AS tokens,
           if(sum(arrayCount((u, x) -> u = m.user AND x IS NOT NULL, m.users, m.costs)) = 0, NULL,
              sum(arraySum((u, x) -> if(u = m.user, toFloat64(ifNull(x, 0)), 0), m.users, m.costs))) AS cost,
           toFloat64(sum(arrayCount((u, k) -> u = m.user AND k = 'llm', m.users, m.kinds))) AS turns,
           sum(m.duration_ms) AS duration, toFloat64({measure:Identifier}) AS value
    FROM
    (
        SELECT arrayJoin(t.user_ids) AS user, t.calls.user_id AS users, t.calls.kind AS kinds,
               t.calls.cost_usd AS costs, t.calls.input_tokens AS input_tokens, t.calls.output_tokens AS output_tokens,
               (toUnixTimestamp64Nano(t.ended_at) - toUnixTimestamp64Nano(t.started_at)) / 1e6 AS duration_ms
        FROM session_traces AS t FINAL
        WHERE t.project_id = {project:String}
          AND t.spans > 0
          AND t.session_id != ''
          AND ({everything:Bool} OR t.session_id IN (SELECT session_id FROM chosen))
    ) AS m
    GROUP BY m.user
),
(
    SELECT (count(value), quantilesExactInclusive(0.25, 0.5, 0.75)(value)) FROM peers
) AS middle,
middle.2[3] + 3 * (middle.2[3] - middle.2[1]) AS far
SELECT '' AS id, CAST(NULL, 'Nullable(Float64)') AS value, middle.1 AS peers, middle.2[1] AS p25, middle.2[2] AS p50,
       middle.2[3] AS p75, far AS fence
UNION ALL
SELECT p.id AS id, p.value AS value, 0 AS peers, 0 AS p25, 0 AS p50, 0 AS p75, 0 AS fence
FROM peers AS p
WHERE p.value > far AND middle.1 >= 8
ORDER BY id != '', value DESC, id
LIMIT {limit:UInt32}
