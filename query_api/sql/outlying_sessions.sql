-- Sessions far beyond their peers by one measure: above the upper quartile by three times the distance between the
-- quartiles (Tukey's outer fence). Among fewer than eight peers nobody stands out. The first row tells of the peers.
WITH peers AS
(
    SELECT s.session_id AS id, toFloat64(s.total_tokens) AS tokens, toFloat64(s.cost_usd) AS cost,
           toFloat64(s.turns) AS turns, s.duration_ns / 1e6 AS duration, toFloat64({measure:Identifier}) AS value
    FROM sessions AS s FINAL
    WHERE s.project_id = {project:String}
      AND s.spans > 0
      AND ({everything:Bool} OR s.session_id IN (SELECT session_id FROM chosen))
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
