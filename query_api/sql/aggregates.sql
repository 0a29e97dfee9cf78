-- Groups of calls, by up to two keys: what they add up to, and how that is spread over the sessions; and with them,
-- where it is asked for, all of it as one. A call belongs to the moment of its start, a trace without calls to its
-- own. Each session's part of a group is added up first, for percentiles need the parts themselves. Keys are texts;
-- the empty one is null. What a trace adds up to is known: its calls are looked at only where they may fall into
-- different groups. A trace that has users at all has one in effect for each span, so where there is one, it is every
-- call's. Traces are told apart by a hash of 64 bits: of ten million, two look alike once in a hundred thousand
-- answers.
WITH if({sort:Identifier} IS NULL, NULL,
        CAST(ifNull({sort:Identifier}, 0), 'Decimal(38, 12)') * if({descending:Bool}, -1, 1)) AS key,
     CAST(NULL, 'Nullable(UInt8)') AS no_value,
     concat(p.key_1, '\0', p.key_2) AS id
SELECT
    p.is_total AS is_total, p.key_1 AS key_1, p.key_2 AS key_2, p.sessions AS sessions, p.traces AS traces,
    p.turns AS turns, p.users AS users,
    p.input_tokens AS input_tokens, p.output_tokens AS output_tokens, p.total_tokens AS total_tokens,
    p.cache_read_tokens AS cache_read_tokens, p.cache_write_tokens AS cache_write_tokens,
    p.reasoning_tokens AS reasoning_tokens, p.cost_usd AS cost_usd, p.unpriced_turns AS unpriced_turns,
    p.errors AS errors, p.error_traces AS error_traces, p.error_traces / p.traces AS error_rate,
    CAST((p.mean_cost, p.spread_cost[1], p.spread_cost[2], p.spread_cost[3], p.spread_cost[4],
          p.max_cost),
         'Tuple(mean Nullable(Float64), p50 Nullable(Float64), p90 Nullable(Float64), p95 Nullable(Float64),
                p99 Nullable(Float64), max Nullable(Float64))') AS cost_per_session,
    CAST((p.mean_tokens, p.spread_tokens[1], p.spread_tokens[2], p.spread_tokens[3], p.spread_tokens[4],
          p.max_tokens),
         'Tuple(mean Nullable(Float64), p50 Nullable(Float64), p90 Nullable(Float64), p95 Nullable(Float64),
                p99 Nullable(Float64), max Nullable(Float64))') AS tokens_per_session,
    CAST((p.mean_turns, p.spread_turns[1], p.spread_turns[2], p.spread_turns[3], p.spread_turns[4],
          p.max_turns),
         'Tuple(mean Nullable(Float64), p50 Nullable(Float64), p90 Nullable(Float64), p95 Nullable(Float64),
                p99 Nullable(Float64), max Nullable(Float64))') AS turns_per_session,
    CAST((p.mean_duration, p.spread_duration[1], p.spread_duration[2], p.spread_duration[3], p.spread_duration[4],
          p.max_duration),
         'Tuple(mean Nullable(Float64), p50 Nullable(Float64), p90 Nullable(Float64), p95 Nullable(Float64),
                p99 Nullable(Float64), max Nullable(Float64))') AS duration_per_session,
    toString(key) AS sort_value, id AS sort_id
FROM
(
    SELECT
        o.is_total AS is_total, o.key_1 AS key_1, o.key_2 AS key_2, count() AS sessions,
        uniqExactArray(o.traces) AS traces, uniqExactArray(o.failing) AS error_traces,
        uniqExactArray(o.users) AS users, sum(o.turns) AS turns,
        sum(o.input_tokens) AS input_tokens, sum(o.output_tokens) AS output_tokens,
        sum(o.input_tokens + o.output_tokens) AS total_tokens, sum(o.cache_read_tokens) AS cache_read_tokens,
        sum(o.cache_write_tokens) AS cache_write_tokens, sum(o.reasoning_tokens) AS reasoning_tokens,
        sum(o.cost_usd) AS cost_usd, sum(o.unpriced_turns) AS unpriced_turns, sum(o.errors) AS errors,
        toFloat64(sum(o.cost_usd)) / count(o.cost_usd) AS mean_cost,
        quantilesExactInclusive(0.5, 0.9, 0.95, 0.99)(toFloat64(o.cost_usd)) AS spread_cost,
        max(toFloat64(o.cost_usd)) AS max_cost, avg(o.input_tokens + o.output_tokens) AS mean_tokens,
        quantilesExactInclusive(0.5, 0.9, 0.95, 0.99)(o.input_tokens + o.output_tokens) AS spread_tokens,
        max(o.input_tokens + o.output_tokens) AS max_tokens,
        avg(o.turns) AS mean_turns, quantilesExactInclusive(0.5, 0.9, 0.95, 0.99)(o.turns) AS spread_turns,
        max(o.turns) AS max_turns, avg(w.duration_ms) AS mean_duration,
        quantilesExactInclusive(0.5, 0.9, 0.95, 0.99)(w.duration_ms) AS spread_duration,
        max(w.duration_ms) AS max_duration
    FROM
    (
        SELECT
            m.part.1 AS is_total, m.part.2 AS key_1, m.part.3 AS key_2, m.session_id AS session_id,
            groupArray(m.trace) AS traces, groupArrayIf(m.trace, m.failing) AS failing,
            groupUniqArrayArray(m.users) AS users, sum(m.turns) AS turns, sum(m.errors) AS errors,
            sum(m.unpriced_turns) AS unpriced_turns, sum(m.input_tokens) AS input_tokens,
            sum(m.output_tokens) AS output_tokens, sum(m.cache_read_tokens) AS cache_read_tokens,
            sum(m.cache_write_tokens) AS cache_write_tokens, sum(m.reasoning_tokens) AS reasoning_tokens,
            sum(m.cost_usd) AS cost_usd
        FROM
        (
            WITH
                t.started_at AS at,
                if(empty(t.calls.span_id) OR empty(t.user_ids), [''], t.user_ids) AS by_user,
                [''] AS by_model, [''] AS by_service,
                if(empty(t.environments), [''], CAST(t.environments, 'Array(String)')) AS by_environment,
                if(empty(t.tags), [''], CAST(t.tags, 'Array(String)')) AS by_tag,
                if(t.failed, ['error'], ['ok']) AS by_status,
                arrayMap(x -> x.value, arrayFilter(x -> x.key = {name_1:String}, t.metadata)) AS values_1,
                arrayMap(x -> x.value, arrayFilter(x -> x.key = {name_2:String}, t.metadata)) AS values_2,
                if(empty(values_1), [''], values_1) AS by_metadata_1,
                if(empty(values_2), [''], values_2) AS by_metadata_2,
                arrayMap(x -> (x.name, if(x.label != '', x.label, ifNull(toString(x.value), ''))), t.scores) AS scored,
                arrayDistinct(arrayMap(x -> x.2, arrayFilter(x -> x.1 = {name_1:String}, scored))) AS scores_1,
                arrayDistinct(arrayMap(x -> x.2, arrayFilter(x -> x.1 = {name_2:String}, scored))) AS scores_2,
                if(empty(scores_1), [''], scores_1) AS by_score_1, if(empty(scores_2), [''], scores_2) AS by_score_2,
                [toString(toDate(at, {tz:String}))] AS by_day,
                [toString(toMonday(at, {tz:String}))] AS by_week,
                [formatDateTime(toStartOfMinute(at), '%Y-%m-%dT%H:%i:%SZ', 'UTC')] AS by_minute,
                [formatDateTime(toStartOfHour(at, {tz:String}), '%Y-%m-%dT%H:%i:%SZ', 'UTC')] AS by_hour,
                [''] AS by_nothing,
                CAST([], 'Array(String)') AS by_none,
                arrayConcat(if({total:Bool}, [(true, '', '')], []),
                    arrayFlatten(arrayMap(one -> arrayMap(two -> (false, one, two), {by_2:Identifier}),
                                          {by_1:Identifier}))) AS parts
            SELECT
                arrayJoin(parts) AS part, t.session_id AS session_id, sipHash64(t.trace_id) AS trace,
                t.failed AS failing, t.user_ids AS users, t.turns AS turns, t.errors AS errors,
                t.unpriced_turns AS unpriced_turns, t.input_tokens AS input_tokens,
                t.output_tokens AS output_tokens, t.cache_read_tokens AS cache_read_tokens,
                t.cache_write_tokens AS cache_write_tokens, t.reasoning_tokens AS reasoning_tokens,
                t.cost_usd AS cost_usd
            FROM session_traces AS t FINAL
            WHERE t.project_id = {project:String}
              AND t.spans > 0
              AND t.session_id != ''
              AND NOT {by_call:Bool}
              AND length(t.user_ids) <= 1
              AND t.started_at >= fromUnixTimestamp64Nano({from_ns:Int64}, 'UTC')
              AND t.ended_at < fromUnixTimestamp64Nano({to_ns:Int64}, 'UTC')
              AND (NOT {by_time:Bool}
                   OR dateTrunc({unit:String}, t.started_at, {tz:String})
                      = dateTrunc({unit:String}, t.ended_at, {tz:String}))
              AND ({everything:Bool} OR t.session_id IN (SELECT session_id FROM chosen))
            UNION ALL
            WITH
                if(calls.span_id = '', t.started_at, calls.started_at) AS at,
                [calls.user_id] AS by_user,
                [if(calls.response_model != '', calls.response_model, calls.request_model)] AS by_model,
                [calls.service] AS by_service,
                if(empty(t.environments), [''], CAST(t.environments, 'Array(String)')) AS by_environment,
                if(empty(t.tags), [''], CAST(t.tags, 'Array(String)')) AS by_tag,
                if(t.failed, ['error'], ['ok']) AS by_status,
                arrayMap(x -> x.value, arrayFilter(x -> x.key = {name_1:String}, t.metadata)) AS values_1,
                arrayMap(x -> x.value, arrayFilter(x -> x.key = {name_2:String}, t.metadata)) AS values_2,
                if(empty(values_1), [''], values_1) AS by_metadata_1,
                if(empty(values_2), [''], values_2) AS by_metadata_2,
                arrayMap(x -> (x.name, if(x.label != '', x.label, ifNull(toString(x.value), ''))), t.scores) AS scored,
                arrayDistinct(arrayMap(x -> x.2, arrayFilter(x -> x.1 = {name_1:String}, scored))) AS scores_1,
                arrayDistinct(arrayMap(x -> x.2, arrayFilter(x -> x.1 = {name_2:String}, scored))) AS scores_2,
                if(empty(scores_1), [''], scores_1) AS by_score_1, if(empty(scores_2), [''], scores_2) AS by_score_2,
                [toString(toDate(at, {tz:String}))] AS by_day,
                [toString(toMonday(at, {tz:String}))] AS by_week,
                [formatDateTime(toStartOfMinute(at), '%Y-%m-%dT%H:%i:%SZ', 'UTC')] AS by_minute,
                [formatDateTime(toStartOfHour(at, {tz:String}), '%Y-%m-%dT%H:%i:%SZ', 'UTC')] AS by_hour,
                [''] AS by_nothing,
                CAST([], 'Array(String)') AS by_none,
                arrayConcat(if({total:Bool}, [(true, '', '')], []),
                    arrayFlatten(arrayMap(one -> arrayMap(two -> (false, one, two), {by_2:Identifier}),
                                          {by_1:Identifier}))) AS parts,
                coalesce(calls.input_tokens, calls.output_tokens, calls.cache_read_tokens, calls.cache_write_tokens,
                         calls.reasoning_tokens) IS NOT NULL AS has_usage
            SELECT
                arrayJoin(parts) AS part, t.session_id AS session_id, sipHash64(t.trace_id) AS trace,
                any(t.failed) AS failing,
                groupUniqArrayArray(if(calls.span_id = '', t.user_ids,
                                       if(calls.user_id = '', [], [calls.user_id]))) AS users,
                countIf(calls.kind = 'llm') AS turns, countIf(calls.kind = 'llm' AND calls.failed) AS errors,
                countIf(calls.kind = 'llm' AND calls.cost_usd IS NULL AND NOT (calls.failed AND NOT has_usage))
                    AS unpriced_turns,
                sum(ifNull(calls.input_tokens, 0)) AS input_tokens,
                sum(ifNull(calls.output_tokens, 0)) AS output_tokens,
                sum(ifNull(calls.cache_read_tokens, 0)) AS cache_read_tokens,
                sum(ifNull(calls.cache_write_tokens, 0)) AS cache_write_tokens,
                sum(ifNull(calls.reasoning_tokens, 0)) AS reasoning_tokens,
                sum(toDecimal128(calls.cost_usd, 12)) AS cost_usd
            FROM session_traces AS t FINAL
            LEFT ARRAY JOIN calls
            WHERE t.project_id = {project:String}
              AND t.spans > 0
              AND t.session_id != ''
              AND at >= fromUnixTimestamp64Nano({from_ns:Int64}, 'UTC')
              AND at < fromUnixTimestamp64Nano({to_ns:Int64}, 'UTC')
              AND t.ended_at >= fromUnixTimestamp64Nano({from_ns:Int64}, 'UTC')
              AND t.started_at < fromUnixTimestamp64Nano({to_ns:Int64}, 'UTC')
              AND ({everything:Bool} OR t.session_id IN (SELECT session_id FROM chosen))
              AND ({by_call:Bool}
                   OR length(t.user_ids) > 1
                   OR t.started_at < fromUnixTimestamp64Nano({from_ns:Int64}, 'UTC')
                   OR t.ended_at >= fromUnixTimestamp64Nano({to_ns:Int64}, 'UTC')
                   OR {by_time:Bool} AND dateTrunc({unit:String}, t.started_at, {tz:String})
                                         != dateTrunc({unit:String}, t.ended_at, {tz:String}))
              -- found among all versions of all rows: which of them is the newest matters to few
              AND ({by_call:Bool} OR (t.session_id, t.trace_id) IN (
                  SELECT n.session_id, n.trace_id
                  FROM session_traces AS n
                  WHERE n.project_id = {project:String}
                    AND n.ended_at >= fromUnixTimestamp64Nano({from_ns:Int64}, 'UTC')
                    AND n.started_at < fromUnixTimestamp64Nano({to_ns:Int64}, 'UTC')
                    AND (length(n.user_ids) > 1
                         OR n.started_at < fromUnixTimestamp64Nano({from_ns:Int64}, 'UTC')
                         OR n.ended_at >= fromUnixTimestamp64Nano({to_ns:Int64}, 'UTC')
                         OR {by_time:Bool} AND dateTrunc({unit:String}, n.started_at, {tz:String})
                                               != dateTrunc({unit:String}, n.ended_at, {tz:String}))))
            GROUP BY part, t.session_id, t.trace_id
        ) AS m
        GROUP BY m.part, m.session_id
    ) AS o
    LEFT JOIN
    (
        SELECT s.session_id AS session_id, s.duration_ns / 1e6 AS duration_ms
        FROM sessions AS s FINAL
        WHERE s.project_id = {project:String}
          AND s.spans > 0
          AND s.last_active_at >= fromUnixTimestamp64Nano({from_ns:Int64}, 'UTC')
          AND s.started_at < fromUnixTimestamp64Nano({to_ns:Int64}, 'UTC')
    ) AS w ON w.session_id = o.session_id
    GROUP BY is_total, key_1, key_2
) AS p
WHERE p.is_total
   OR {after_id:Nullable(String)} IS NULL
   OR (key IS NULL, ifNull(key, 0), id)
      > ({after_null:Bool}, {after_value:Decimal(38, 12)}, ifNull({after_id:Nullable(String)}, ''))
ORDER BY p.is_total DESC, key IS NULL, key, id
LIMIT {limit:UInt32}
