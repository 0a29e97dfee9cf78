-- The values that filters may take among the chosen sessions, by how many sessions have them: a hundred of each.
SELECT pair.1 AS facet, pair.2 AS value, count() AS sessions
FROM
(
    SELECT arrayJoin(arrayConcat(
        arrayMap(x -> ('models', toString(x)), arrayDistinct(arrayConcat(s.models, s.requested_models))),
        arrayMap(x -> ('services', toString(x)), s.services),
        arrayMap(x -> ('environments', toString(x)), s.environments),
        arrayMap(x -> ('tags', toString(x)), s.tags),
        arrayMap(x -> ('tools', toString(x)), s.tools),
        arrayMap(x -> ('agents', toString(x)), s.agents),
        arrayMap(x -> ('releases', toString(x)), s.releases),
        arrayMap(x -> ('prompts', toString(x)), s.prompts),
        arrayMap(x -> ('scores', x), arrayDistinct(arrayMap(x -> x.name, s.scores))),
        arrayMap(x -> ('metadata', x), arrayDistinct(arrayMap(x -> x.key, s.metadata))),
        arrayMap(x -> ('metadata_values', x.value), arrayFilter(x -> x.key = {metadata_key:String}, s.metadata)),
        [('statuses', if(s.error_traces > 0, 'error', 'ok'))])) AS pair
    FROM sessions AS s FINAL
    WHERE s.project_id = {project:String}
      AND s.spans > 0
      AND ({everything:Bool} OR s.session_id IN (SELECT session_id FROM chosen))
)
GROUP BY pair
ORDER BY facet, sessions DESC, value
LIMIT 100 BY facet
