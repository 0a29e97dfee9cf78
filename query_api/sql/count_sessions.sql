-- How many sessions the filter chooses.
SELECT count() AS total
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
  -- A text counts for the session of its span: the one that the span names, else the one that its trace is bound to,
  -- which is the only one with spans that inherited it. The index answers for words; other texts are looked at too.
  AND (empty({text_any:Array(Array(UInt16))}) AND empty({text_none:Array(UInt16)}) OR s.session_id IN (
      SELECT t.session_id
      FROM session_traces AS t FINAL
      LEFT JOIN (
          WITH
          {text_1:String} != ''
              AND (empty(tokens(lowerUTF8({text_1:String}), 'asciiCJK')) OR hasAllTokens(x.said, lowerUTF8({text_1:String})))
              AND ({word_1:Bool} OR position(x.said, lowerUTF8({text_1:String})) > 0) AS said_1,
          {text_2:String} != ''
              AND (empty(tokens(lowerUTF8({text_2:String}), 'asciiCJK')) OR hasAllTokens(x.said, lowerUTF8({text_2:String})))
              AND ({word_2:Bool} OR position(x.said, lowerUTF8({text_2:String})) > 0) AS said_2,
          {text_3:String} != ''
              AND (empty(tokens(lowerUTF8({text_3:String}), 'asciiCJK')) OR hasAllTokens(x.said, lowerUTF8({text_3:String})))
              AND ({word_3:Bool} OR position(x.said, lowerUTF8({text_3:String})) > 0) AS said_3,
          {text_4:String} != ''
              AND (empty(tokens(lowerUTF8({text_4:String}), 'asciiCJK')) OR hasAllTokens(x.said, lowerUTF8({text_4:String})))
              AND ({word_4:Bool} OR position(x.said, lowerUTF8({text_4:String})) > 0) AS said_4,
          {text_5:String} != ''
              AND (empty(tokens(lowerUTF8({text_5:String}), 'asciiCJK')) OR hasAllTokens(x.said, lowerUTF8({text_5:String})))
              AND ({word_5:Bool} OR position(x.said, lowerUTF8({text_5:String})) > 0) AS said_5,
          {text_6:String} != ''
              AND (empty(tokens(lowerUTF8({text_6:String}), 'asciiCJK')) OR hasAllTokens(x.said, lowerUTF8({text_6:String})))
              AND ({word_6:Bool} OR position(x.said, lowerUTF8({text_6:String})) > 0) AS said_6,
          {text_7:String} != ''
              AND (empty(tokens(lowerUTF8({text_7:String}), 'asciiCJK')) OR hasAllTokens(x.said, lowerUTF8({text_7:String})))
              AND ({word_7:Bool} OR position(x.said, lowerUTF8({text_7:String})) > 0) AS said_7,
          {text_8:String} != ''
              AND (empty(tokens(lowerUTF8({text_8:String}), 'asciiCJK')) OR hasAllTokens(x.said, lowerUTF8({text_8:String})))
              AND ({word_8:Bool} OR position(x.said, lowerUTF8({text_8:String})) > 0) AS said_8
          SELECT x.trace_id AS trace_id, x.session_id AS own_session,
                 maxForEach([said_1, said_2, said_3, said_4, said_5, said_6, said_7, said_8]) AS found
          FROM spans AS x  -- without FINAL the index answers alone; a span sent again mostly says the same
          WHERE x.project_id = {project:String}
            AND (said_1 OR said_2 OR said_3 OR said_4 OR said_5 OR said_6 OR said_7 OR said_8)
            AND x.started_at >= (
                SELECT min(b.started_at) FROM sessions AS b FINAL
                WHERE b.project_id = {project:String} AND b.spans > 0 AND {text_1:String} != ''
                  AND b.last_active_at >= fromUnixTimestamp64Nano({from_ns:Int64}, 'UTC')
                  AND b.started_at < fromUnixTimestamp64Nano({to_ns:Int64}, 'UTC'))
            AND x.started_at <= (
                SELECT max(b.last_active_at) FROM sessions AS b FINAL
                WHERE b.project_id = {project:String} AND b.spans > 0 AND {text_1:String} != ''
                  AND b.last_active_at >= fromUnixTimestamp64Nano({from_ns:Int64}, 'UTC')
                  AND b.started_at < fromUnixTimestamp64Nano({to_ns:Int64}, 'UTC'))
            AND (toUnixTimestamp(x.content_until) = 0 OR x.content_until > now())
          GROUP BY x.trace_id, x.session_id) AS h
          ON h.trace_id = t.trace_id AND (h.own_session = t.session_id OR h.own_session = '' AND t.inherited_spans > 0)
      WHERE t.project_id = {project:String} AND t.spans > 0 AND t.session_id != ''
      GROUP BY t.session_id
      HAVING arrayAll(g -> arrayExists(i -> maxForEach(h.found)[i] = 1, g), {text_any:Array(Array(UInt16))})
         AND NOT arrayExists(i -> maxForEach(h.found)[i] = 1, {text_none:Array(UInt16)})))
  -- end of the filter
