-- How many sessions the filter chooses, and the ids of a page of them: in the order of one key, nulls last, then by id.
-- Both from one reading, and only of what order and filter need; the rest is read of those on the page.
WITH
    s.duration_ns / 1e6 AS duration_ms, s.active_ns / 1e6 AS active_ms, s.error_traces / s.traces AS error_rate,
    s.avg_turn_ns / 1e6 AS avg_turn_ms, s.p95_turn_ns / 1e6 AS p95_turn_ms, s.avg_trace_ns / 1e6 AS avg_trace_ms,
    s.first_token_ns / 1e6 AS first_token_ms,
    if({sort:Identifier} IS NULL, NULL,
       CAST(ifNull({sort:Identifier}, 0), 'Decimal(38, 12)') * if({descending:Bool}, -1, 1)) AS key,
    {after_id:Nullable(String)} IS NULL
        OR (key IS NULL, ifNull(key, 0), s.session_id)
           > ({after_null:Bool}, {after_value:Decimal(38, 12)}, ifNull({after_id:Nullable(String)}, '')) AS is_behind
SELECT count() AS total,
       arrayMap(x -> (if(x.1, NULL, toString(x.2)), x.3),
                arraySlice(groupArraySortedIf(201)((key IS NULL, ifNull(key, 0), s.session_id), is_behind),
                           1, {limit:UInt32})) AS page
FROM sessions AS s FINAL
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
  AND (NOT {searched:Bool} OR {unsaid:Bool} != (s.session_id IN (SELECT session_id FROM said)))
  -- end of the filter
