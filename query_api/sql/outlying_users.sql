-- Users far beyond their peers by one measure, as `outlying_sessions` has it. What counts are their own calls in the
-- chosen sessions; their duration is that of their traces.
WITH peers AS
(
    SELECT m.user AS id, toFloat64(sum(m.tokens)) AS tokens, sum(toFloat64(m.cost_usd)) AS cost,
           toFloat64(sum(m.turns)) AS turns, sum(m.ns) / 1e6 AS duration, toFloat64({measure:Identifier}) AS value
    FROM
    (
        SELECT arrayJoin(if(sums.of = 'trace', sums.users, [sums.user_id])) AS user,
               sums.input_tokens + sums.output_tokens AS tokens, sums.cost_usd AS cost_usd, sums.turns AS turns,
               sums.user_ns AS ns
        FROM sessions AS s FINAL
        ARRAY JOIN sums
        WHERE s.project_id = {project:String}
          AND s.spans > 0
          AND ({everything:Bool} OR s.session_id IN (SELECT session_id FROM chosen))
    ) AS m
    WHERE m.user != ''
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
