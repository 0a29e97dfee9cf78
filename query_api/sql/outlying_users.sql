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
          AND t.session_id IN (
              SELECT s.session_id FROM sessions AS s FINAL
              WHERE s.project_id = {project:String}
                AND s.spans > 0
                -- the filter
                AND s.last_active_at >= fromUnixTimestamp64Nano({from_ns:Int64}, 'UTC')
                AND s.started_at < fromUnixTimestamp64Nano({to_ns:Int64}, 'UTC')
                AND (empty({session_any:Array(String)}) OR s.session_id IN {session_any:Array(String)})
                AND s.session_id NOT IN {session_none:Array(String)}
                AND (empty({prefix_any:Array(Array(String))})
                     OR arrayAll(g -> arrayExists(p -> startsWith(s.session_id, p), g), {prefix_any:Array(Array(String))}))
                AND (empty({status_any:Array(String)}) OR if(s.error_traces > 0, 'error', 'ok') IN {status_any:Array(String)})
                AND (empty({user_any:Array(Array(String))}) OR arrayAll(g -> hasAny(s.user_ids, g), {user_any:Array(Array(String))}))
                AND (empty({user_none:Array(String)}) OR NOT hasAny(s.user_ids, {user_none:Array(String)}))
                AND (empty({model_any:Array(Array(String))})
                     OR arrayAll(g -> hasAny(s.models, g) OR hasAny(s.requested_models, g), {model_any:Array(Array(String))}))
                AND (empty({model_none:Array(String)})
                     OR NOT (hasAny(s.models, {model_none:Array(String)}) OR hasAny(s.requested_models, {model_none:Array(String)})))
                AND (empty({service_any:Array(Array(String))})
                     OR arrayAll(g -> hasAny(s.services, g), {service_any:Array(Array(String))}))
                AND (empty({service_none:Array(String)}) OR NOT hasAny(s.services, {service_none:Array(String)}))
                AND (empty({environment_any:Array(Array(String))})
                     OR arrayAll(g -> hasAny(s.environments, g), {environment_any:Array(Array(String))}))
                AND (empty({environment_none:Array(String)}) OR NOT hasAny(s.environments, {environment_none:Array(String)}))
                AND (empty({tag_any:Array(Array(String))}) OR arrayAll(g -> hasAny(s.tags, g), {tag_any:Array(Array(String))}))
                AND (empty({tag_none:Array(String)}) OR NOT hasAny(s.tags, {tag_none:Array(String)}))
                AND (empty({tool_any:Array(Array(String))}) OR arrayAll(g -> hasAny(s.tools, g), {tool_any:Array(Array(String))}))
                AND (empty({tool_none:Array(String)}) OR NOT hasAny(s.tools, {tool_none:Array(String)}))
                AND (empty({agent_any:Array(Array(String))}) OR arrayAll(g -> hasAny(s.agents, g), {agent_any:Array(Array(String))}))
                AND (empty({agent_none:Array(String)}) OR NOT hasAny(s.agents, {agent_none:Array(String)}))
                AND (empty({release_any:Array(Array(String))})
                     OR arrayAll(g -> hasAny(s.releases, g), {release_any:Array(Array(String))}))
                AND (empty({release_none:Array(String)}) OR NOT hasAny(s.releases, {release_none:Array(String)}))
                AND (empty({prompt_any:Array(Array(String))})
                     OR arrayAll(g -> hasAny(s.prompts, g), {prompt_any:Array(Array(String))}))
                AND (empty({prompt_none:Array(String)}) OR NOT hasAny(s.prompts, {prompt_none:Array(String)}))
                AND (empty({metadata_any:Array(Array(Tuple(String, String)))})
                     OR arrayAll(g -> arrayExists(p -> has(g, (p.key, p.value)), s.metadata),
                                 {metadata_any:Array(Array(Tuple(String, String)))}))
                AND (empty({metadata_none:Array(Tuple(String, String))})
                     OR NOT arrayExists(p -> has({metadata_none:Array(Tuple(String, String))}, (p.key, p.value)), s.metadata))
                AND (empty({label_any:Array(Array(Tuple(String, String)))})
                     OR arrayAll(g -> arrayExists(x -> has(g, (x.name, x.label)), s.scores),
                                 {label_any:Array(Array(Tuple(String, String)))}))
                AND (empty({label_none:Array(Tuple(String, String))})
                     OR NOT arrayExists(x -> has({label_none:Array(Tuple(String, String))}, (x.name, x.label)), s.scores))
                AND (empty({scored:Array(Tuple(String, Float64, Float64))})
                     OR arrayAll(r -> ifNull(
                                     arraySum(x -> if(x.name = r.1, ifNull(x.value, 0) * x.count, 0), s.scores)
                                     / nullIf(arraySum(x -> if(x.name = r.1 AND x.value IS NOT NULL, x.count, 0), s.scores), 0)
                                     BETWEEN r.2 AND r.3, false),
                                 {scored:Array(Tuple(String, Float64, Float64))}))
                AND (empty({turns:Array(Tuple(Int128, Int128))})
                     OR arrayExists(r -> s.turns BETWEEN r.1 AND r.2, {turns:Array(Tuple(Int128, Int128))}))
                AND (empty({tokens:Array(Tuple(Int128, Int128))})
                     OR arrayExists(r -> s.total_tokens BETWEEN r.1 AND r.2, {tokens:Array(Tuple(Int128, Int128))}))
                AND (empty({duration:Array(Tuple(Int128, Int128))})
                     OR arrayExists(r -> s.duration_ns BETWEEN r.1 AND r.2, {duration:Array(Tuple(Int128, Int128))}))
                AND (empty({traces:Array(Tuple(Int128, Int128))})
                     OR arrayExists(r -> s.traces BETWEEN r.1 AND r.2, {traces:Array(Tuple(Int128, Int128))}))
                AND (empty({spans:Array(Tuple(Int128, Int128))})
                     OR arrayExists(r -> s.spans BETWEEN r.1 AND r.2, {spans:Array(Tuple(Int128, Int128))}))
                AND (empty({errors:Array(Tuple(Int128, Int128))})
                     OR arrayExists(r -> s.errors BETWEEN r.1 AND r.2, {errors:Array(Tuple(Int128, Int128))}))
                AND (empty({cost:Array(Tuple(Decimal(38, 12), Decimal(38, 12)))})
                     OR if(s.cost_usd IS NULL, {cost_unknown:Bool},
                           arrayExists(r -> assumeNotNull(s.cost_usd) BETWEEN r.1 AND r.2,
                                       {cost:Array(Tuple(Decimal(38, 12), Decimal(38, 12)))})))
                AND (empty({name_any:Array(Array(String))}) OR s.session_id IN (
                    SELECT t.session_id
                    FROM session_traces AS t FINAL
                    WHERE t.project_id = {project:String} AND t.spans > 0
                      AND has(arrayFlatten({name_any:Array(Array(String))}), t.name)
                    GROUP BY t.session_id
                    HAVING arrayAll(g -> hasAny(groupUniqArray(t.name), g), {name_any:Array(Array(String))})))
                AND (empty({name_none:Array(String)}) OR s.session_id NOT IN (
                    SELECT t.session_id
                    FROM session_traces AS t FINAL
                    WHERE t.project_id = {project:String} AND t.spans > 0 AND has({name_none:Array(String)}, t.name)))
                AND (NOT {searched:Bool} OR s.session_id IN (SELECT session_id FROM said))
                -- end of the filter
          )
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
