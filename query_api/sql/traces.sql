-- A page of traces: those that the filter chooses, in the order of one key, nulls last, then by id. A trace that serves
-- several sessions stands once for each.
WITH if({sort:Identifier} IS NULL, NULL,
        CAST(ifNull({sort:Identifier}, 0), 'Decimal(38, 12)') * if({descending:Bool}, -1, 1)) AS key,
     concat(t.trace_id, '/', t.session_id) AS id
SELECT
    t.trace_id AS trace_id, nullIf(t.session_id, '') AS session_id, nullIf(t.name, '') AS name,
    t.started_at AS started_at, t.ended_at AS ended_at,
    (toUnixTimestamp64Nano(t.ended_at) - toUnixTimestamp64Nano(t.started_at)) / 1e6 AS duration_ms, t.spans AS spans,
    t.turns AS turns, t.input_tokens AS input_tokens, t.output_tokens AS output_tokens,
    t.input_tokens + t.output_tokens AS total_tokens, t.cache_read_tokens AS cache_read_tokens,
    t.cache_write_tokens AS cache_write_tokens, t.reasoning_tokens AS reasoning_tokens, t.cost_usd AS cost_usd,
    t.errors AS errors, if(t.failed, 'error', 'ok') AS status, arraySlice(t.models, 1, 100) AS models,
    if({content:Bool}, nullIf(t.input_preview, ''), NULL) AS input_preview,
    if({content:Bool}, nullIf(t.output_preview, ''), NULL) AS output_preview,
    toString(key) AS sort_value, id AS sort_id
FROM session_traces AS t FINAL
WHERE t.project_id = {project:String}
  AND t.spans > 0
  -- the filter of traces
  AND t.ended_at >= fromUnixTimestamp64Nano({from_ns:Int64}, 'UTC')
  AND t.started_at < fromUnixTimestamp64Nano({to_ns:Int64}, 'UTC')
  AND (empty({session_any:Array(String)}) OR t.session_id IN {session_any:Array(String)})
  AND t.session_id NOT IN {session_none:Array(String)}
  AND (empty({prefix_any:Array(Array(String))})
       OR arrayAll(g -> arrayExists(p -> startsWith(t.session_id, p), g), {prefix_any:Array(Array(String))}))
  AND (empty({status_any:Array(String)}) OR if(t.failed, 'error', 'ok') IN {status_any:Array(String)})
  AND (empty({user_any:Array(Array(String))}) OR arrayAll(g -> hasAny(t.user_ids, g), {user_any:Array(Array(String))}))
  AND (empty({user_none:Array(String)}) OR NOT hasAny(t.user_ids, {user_none:Array(String)}))
  AND (empty({model_any:Array(Array(String))})
       OR arrayAll(g -> hasAny(t.models, g) OR hasAny(t.requested_models, g), {model_any:Array(Array(String))}))
  AND (empty({model_none:Array(String)})
       OR NOT (hasAny(t.models, {model_none:Array(String)}) OR hasAny(t.requested_models, {model_none:Array(String)})))
  AND (empty({service_any:Array(Array(String))})
       OR arrayAll(g -> hasAny(t.services, g), {service_any:Array(Array(String))}))
  AND (empty({service_none:Array(String)}) OR NOT hasAny(t.services, {service_none:Array(String)}))
  AND (empty({environment_any:Array(Array(String))})
       OR arrayAll(g -> hasAny(t.environments, g), {environment_any:Array(Array(String))}))
  AND (empty({environment_none:Array(String)}) OR NOT hasAny(t.environments, {environment_none:Array(String)}))
  AND (empty({tag_any:Array(Array(String))}) OR arrayAll(g -> hasAny(t.tags, g), {tag_any:Array(Array(String))}))
  AND (empty({tag_none:Array(String)}) OR NOT hasAny(t.tags, {tag_none:Array(String)}))
  AND (empty({tool_any:Array(Array(String))}) OR arrayAll(g -> hasAny(t.tools, g), {tool_any:Array(Array(String))}))
  AND (empty({tool_none:Array(String)}) OR NOT hasAny(t.tools, {tool_none:Array(String)}))
  AND (empty({agent_any:Array(Array(String))}) OR arrayAll(g -> hasAny(t.agents, g), {agent_any:Array(Array(String))}))
  AND (empty({agent_none:Array(String)}) OR NOT hasAny(t.agents, {agent_none:Array(String)}))
  AND (empty({release_any:Array(Array(String))})
       OR arrayAll(g -> hasAny(t.releases, g), {release_any:Array(Array(String))}))
  AND (empty({release_none:Array(String)}) OR NOT hasAny(t.releases, {release_none:Array(String)}))
  AND (empty({prompt_any:Array(Array(String))})
       OR arrayAll(g -> hasAny(t.prompts, g), {prompt_any:Array(Array(String))}))
  AND (empty({prompt_none:Array(String)}) OR NOT hasAny(t.prompts, {prompt_none:Array(String)}))
  AND (empty({metadata_any:Array(Array(Tuple(String, String)))})
       OR arrayAll(g -> arrayExists(p -> has(g, (p.key, p.value)), t.metadata),
                   {metadata_any:Array(Array(Tuple(String, String)))}))
  AND (empty({metadata_none:Array(Tuple(String, String))})
       OR NOT arrayExists(p -> has({metadata_none:Array(Tuple(String, String))}, (p.key, p.value)), t.metadata))
  AND (empty({label_any:Array(Array(Tuple(String, String)))})
       OR arrayAll(g -> arrayExists(x -> has(g, (x.name, x.label)), t.scores),
                   {label_any:Array(Array(Tuple(String, String)))}))
  AND (empty({label_none:Array(Tuple(String, String))})
       OR NOT arrayExists(x -> has({label_none:Array(Tuple(String, String))}, (x.name, x.label)), t.scores))
  AND (empty({scored:Array(Tuple(String, Float64, Float64))})
       OR arrayAll(r -> ifNull(
                       arraySum(x -> if(x.name = r.1, ifNull(x.value, 0), 0), t.scores)
                       / nullIf(arrayCount(x -> x.name = r.1 AND x.value IS NOT NULL, t.scores), 0)
                       BETWEEN r.2 AND r.3, false),
                   {scored:Array(Tuple(String, Float64, Float64))}))
  AND (empty({turns:Array(Tuple(Int128, Int128))})
       OR arrayExists(r -> t.turns BETWEEN r.1 AND r.2, {turns:Array(Tuple(Int128, Int128))}))
  AND (empty({tokens:Array(Tuple(Int128, Int128))})
       OR arrayExists(r -> t.input_tokens + t.output_tokens BETWEEN r.1 AND r.2, {tokens:Array(Tuple(Int128, Int128))}))
  AND (empty({duration:Array(Tuple(Int128, Int128))})
       OR arrayExists(r -> toUnixTimestamp64Nano(t.ended_at) - toUnixTimestamp64Nano(t.started_at) BETWEEN r.1 AND r.2,
                      {duration:Array(Tuple(Int128, Int128))}))
  AND (empty({traces:Array(Tuple(Int128, Int128))})
       OR arrayExists(r -> 1 BETWEEN r.1 AND r.2, {traces:Array(Tuple(Int128, Int128))}))
  AND (empty({spans:Array(Tuple(Int128, Int128))})
       OR arrayExists(r -> t.spans BETWEEN r.1 AND r.2, {spans:Array(Tuple(Int128, Int128))}))
  AND (empty({errors:Array(Tuple(Int128, Int128))})
       OR arrayExists(r -> t.errors BETWEEN r.1 AND r.2, {errors:Array(Tuple(Int128, Int128))}))
  AND (empty({cost:Array(Tuple(Decimal(38, 12), Decimal(38, 12)))})
       OR if(t.cost_usd IS NULL, {cost_unknown:Bool},
             arrayExists(r -> assumeNotNull(t.cost_usd) BETWEEN r.1 AND r.2,
                         {cost:Array(Tuple(Decimal(38, 12), Decimal(38, 12)))})))
  AND (empty({name_any:Array(Array(String))}) OR arrayAll(g -> has(g, t.name), {name_any:Array(Array(String))}))
  AND (empty({name_none:Array(String)}) OR NOT has({name_none:Array(String)}, t.name))
  AND (NOT {searched:Bool}
       OR {unsaid:Bool} != ((t.session_id, t.trace_id) IN (SELECT session_id, trace_id FROM said)))
  -- end of the filter of traces
  AND ({after_id:Nullable(String)} IS NULL
       OR (key IS NULL, ifNull(key, 0), id)
          > ({after_null:Bool}, {after_value:Decimal(38, 12)}, ifNull({after_id:Nullable(String)}, '')))
ORDER BY key IS NULL, key, id
LIMIT {limit:UInt32}
