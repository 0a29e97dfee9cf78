-- Groups of calls, by up to two keys: what they add up to, and how that is spread over the sessions. A call belongs to
-- the moment of its start, a trace without calls to its own. Each session's share of a group is added up first, for
-- percentiles need the shares themselves. The parts that shares are made of are chosen by name, and so is how groups
-- are made: what is not chosen costs nothing. Parts are known by half hour: in the order of time, and once more in the
-- sessions' rows, where a few can be looked up; calls are looked at only where the range begins or ends within a half
-- hour in which a session goes on, and where groups are finer than that.
WITH
    whole_half_hours AS
    (
        SELECT sipHash64(h.session_id) AS session, h.duration_ns AS duration_ns, {since:Identifier} AS at,
               sums.trace_id AS trace_id, sums.traces AS traces, {counted:Identifier} AS traces_of_key,
               sums.failed AS failing, sums.model AS model, sums.service AS service, sums.user_id AS user_id,
               sums.users AS users, sums.environments AS environments, sums.tags AS tags, sums.metadata AS metadata,
               sums.scores AS scores, sums.turns AS turns, sums.errors AS errors,
               sums.unpriced_turns AS unpriced_turns, sums.input_tokens AS input_tokens,
               sums.output_tokens AS output_tokens, sums.cache_read_tokens AS cache_read_tokens,
               sums.cache_write_tokens AS cache_write_tokens, sums.reasoning_tokens AS reasoning_tokens,
               sums.cost_usd AS cost_usd
        FROM {held:Identifier} AS h FINAL
        ARRAY JOIN sums
        WHERE h.project_id = {project:String}
          AND at >= toDateTime64(fromUnixTimestamp64Nano({cut_from_ns:Int64}, 'UTC'), 0)
          AND at <= toDateTime64(fromUnixTimestamp64Nano({whole_to_ns:Int64}, 'UTC'), 0)
          AND h.last_active_at >= fromUnixTimestamp64Nano({from_ns:Int64}, 'UTC')
          AND h.started_at < fromUnixTimestamp64Nano({to_ns:Int64}, 'UTC')
          AND ({everything:Bool} OR h.session_id IN (SELECT session_id FROM chosen))
          AND sums.of != 'user'
          AND (h.started_at >= fromUnixTimestamp64Nano({from_ns:Int64}, 'UTC')
               OR at >= fromUnixTimestamp64Nano({whole_from_ns:Int64}, 'UTC'))
          AND (h.last_active_at < fromUnixTimestamp64Nano({to_ns:Int64}, 'UTC')
               OR at < fromUnixTimestamp64Nano({whole_to_ns:Int64}, 'UTC'))
    ),
    in_range AS
    (
        -- where groups are finer than half hours all calls are looked at, else those of the sessions in cut_sessions
        SELECT s.session_id AS session_id, s.duration_ns AS duration_ns, true AS before, true AS after
        FROM sessions AS s FINAL
        WHERE s.project_id = {project:String}
          AND s.spans > 0
          AND s.last_active_at >= fromUnixTimestamp64Nano({from_ns:Int64}, 'UTC')
          AND s.started_at < fromUnixTimestamp64Nano({to_ns:Int64}, 'UTC')
          AND ({everything:Bool} OR s.session_id IN (SELECT session_id FROM chosen))
    ),
    single_calls AS
    (
        SELECT sipHash64(t.session_id) AS session, w.duration_ns AS duration_ns,
               if(calls.span_id = '', t.started_at, calls.started_at) AS at, t.trace_id AS trace_id, 0 AS traces,
               0 AS traces_of_key, t.failed AS failing,
               if(calls.response_model != '', calls.response_model, calls.request_model) AS model,
               calls.service AS service, calls.user_id AS user_id, if(calls.span_id = '', t.user_ids, []) AS users,
               t.environments AS environments, t.tags AS tags, t.metadata AS metadata, t.scores AS scores,
               calls.kind = 'llm' AS turns, turns AND calls.failed AS errors,
               turns AND calls.cost_usd IS NULL AND NOT (calls.failed AND coalesce(
                   calls.input_tokens, calls.output_tokens, calls.cache_read_tokens, calls.cache_write_tokens,
                   calls.reasoning_tokens) IS NULL) AS unpriced_turns,
               ifNull(calls.input_tokens, 0) AS input_tokens, ifNull(calls.output_tokens, 0) AS output_tokens,
               ifNull(calls.cache_read_tokens, 0) AS cache_read_tokens,
               ifNull(calls.cache_write_tokens, 0) AS cache_write_tokens,
               ifNull(calls.reasoning_tokens, 0) AS reasoning_tokens, toDecimal128(calls.cost_usd, 12) AS cost_usd
        FROM session_traces AS t FINAL
        LEFT ARRAY JOIN calls
        INNER JOIN {looked_at:Identifier} AS w ON w.session_id = t.session_id
        WHERE t.project_id = {project:String}
          AND t.spans > 0
          AND t.session_id IN (SELECT session_id FROM {looked_at:Identifier})
          AND at >= fromUnixTimestamp64Nano({from_ns:Int64}, 'UTC')
          AND at < fromUnixTimestamp64Nano({to_ns:Int64}, 'UTC')
          AND t.ended_at >= fromUnixTimestamp64Nano({from_ns:Int64}, 'UTC')
          AND t.started_at < fromUnixTimestamp64Nano({to_ns:Int64}, 'UTC')
          AND ({fine:Bool}
               OR w.before AND at < fromUnixTimestamp64Nano({whole_from_ns:Int64}, 'UTC')
               OR w.after AND at >= fromUnixTimestamp64Nano({whole_to_ns:Int64}, 'UTC'))
    ),
    whole_half_hours_and_calls AS
    (
        SELECT * FROM whole_half_hours
        UNION ALL
        SELECT * FROM single_calls
    ),
    groups AS
    (
        -- parts belong to a group, or to the total, or once to each
        WITH
            '' AS by_nothing, if(is_total, '', m.user_id) AS by_user, if(is_total, '', m.model) AS by_model,
            if(is_total, '', m.service) AS by_service, multiIf(is_total, '', m.failing, 'error', 'ok') AS by_status,
            toDate(at, {tz:String}) AS by_day, toMonday(at, {tz:String}) AS by_week,
            toTimeZone(toStartOfHour(at, {tz:String}), 'UTC') AS by_hour, toStartOfMinute(at, 'UTC') AS by_minute,
            if(is_total, toDateTime64(0, 9, 'UTC'), m.at) AS at, if(is_total, [], m.tags) AS tags,
            if(is_total, [], m.environments) AS environments, if(is_total, [], m.metadata) AS metadata,
            if(is_total, [], m.scores) AS scores,
            arrayJoin(if(empty(environments), [''], CAST(environments, 'Array(String)'))) AS by_environment,
            arrayJoin(if(empty(tags), [''], CAST(tags, 'Array(String)'))) AS by_tag,
            arrayMap(x -> x.value, arrayFilter(x -> x.key = {name_1:String}, metadata)) AS values_1,
            arrayMap(x -> x.value, arrayFilter(x -> x.key = {name_2:String}, metadata)) AS values_2,
            arrayJoin(if(empty(values_1), [''], values_1)) AS by_metadata_1,
            arrayJoin(if(empty(values_2), [''], values_2)) AS by_metadata_2,
            arrayMap(x -> (x.name, if(x.label != '', x.label, ifNull(toString(x.value), ''))), scores) AS scored,
            arrayDistinct(arrayMap(x -> x.2, arrayFilter(x -> x.1 = {name_1:String}, scored))) AS scores_1,
            arrayDistinct(arrayMap(x -> x.2, arrayFilter(x -> x.1 = {name_2:String}, scored))) AS scores_2,
            arrayJoin(if(empty(scores_1), [''], scores_1)) AS by_score_1,
            arrayJoin(if(empty(scores_2), [''], scores_2)) AS by_score_2,
            if(is_total, m.traces, m.traces_of_key) AS counted
        SELECT
            m.is_total AS is_total, {by_1:Identifier} AS key_1, {by_2:Identifier} AS key_2,
            any(m.duration_ns) AS duration_ns, sumIf(counted, m.trace_id = '') AS traces,
            sumIf(counted, m.trace_id = '' AND m.failing) AS failing,
            groupUniqArrayIf(m.trace_id, m.trace_id != '') AS named,
            groupUniqArrayIf(m.trace_id, m.trace_id != '' AND m.failing) AS named_failing,
            groupUniqArrayArray(if(m.user_id = '', m.users, [m.user_id])) AS users, sum(m.turns) AS turns,
            sum(m.errors) AS errors, sum(m.unpriced_turns) AS unpriced_turns, sum(m.input_tokens) AS input_tokens,
            sum(m.output_tokens) AS output_tokens, sum(m.cache_read_tokens) AS cache_read_tokens,
            sum(m.cache_write_tokens) AS cache_write_tokens, sum(m.reasoning_tokens) AS reasoning_tokens,
            sum(m.cost_usd) AS cost_usd
        FROM (SELECT *, arrayJoin({totals:Array(Bool)}) AS is_total FROM {parts:Identifier}) AS m
        GROUP BY is_total, key_1, key_2, m.session
    ),
    whole_sessions AS
    (
        -- where there is one group of everything, a session's share is what its row says
        SELECT true AS is_total, '' AS key_1, '' AS key_2, s.duration_ns AS duration_ns,
               s.traces - length(named) AS traces,
               s.error_traces - length(named_failing) AS failing,
               arrayDistinct(arrayFilter(x -> x != '', s.sums.trace_id)) AS named,
               arrayDistinct(arrayFilter((x, failed) -> x != '' AND failed, s.sums.trace_id, s.sums.failed))
                   AS named_failing,
               if(length(s.user_ids) <= 1, s.user_ids,
                  arrayConcat(arrayFilter((x, of) -> x != '' AND of != 'user', s.sums.user_id, s.sums.of),
                              arrayFlatten(s.sums.users))) AS users,
               s.turns AS turns, s.errors AS errors, s.unpriced_turns AS unpriced_turns, s.input_tokens AS input_tokens,
               s.output_tokens AS output_tokens, s.cache_read_tokens AS cache_read_tokens,
               s.cache_write_tokens AS cache_write_tokens, s.reasoning_tokens AS reasoning_tokens,
               s.cost_usd AS cost_usd
        FROM sessions AS s FINAL
        WHERE s.project_id = {project:String}
          AND s.spans > 0
          AND ({everything:Bool} OR s.session_id IN (SELECT session_id FROM chosen))
    ),
    CAST(NULL, 'Nullable(UInt8)') AS no_value,
    if({sort:Identifier} IS NULL, NULL,
       CAST(ifNull({sort:Identifier}, 0), 'Decimal(38, 12)') * if({descending:Bool}, -1, 1)) AS key,
    concat(toString(p.key_1), '\0', toString(p.key_2)) AS id
SELECT
    p.is_total AS is_total, toString(p.key_1) AS key_1, toString(p.key_2) AS key_2, p.sessions AS sessions,
    p.traces AS traces, p.turns AS turns, p.users AS users, p.input_tokens AS input_tokens,
    p.output_tokens AS output_tokens, p.total_tokens AS total_tokens, p.cache_read_tokens AS cache_read_tokens,
    p.cache_write_tokens AS cache_write_tokens, p.reasoning_tokens AS reasoning_tokens, p.cost_usd AS cost_usd,
    p.unpriced_turns AS unpriced_turns, p.errors AS errors, p.error_traces AS error_traces,
    p.error_traces / p.traces AS error_rate, p.costs AS costs, p.tokens AS tokens, p.turns_each AS turns_each,
    p.durations AS durations, toString(key) AS sort_value, id AS sort_id
FROM
(
    SELECT
        o.is_total AS is_total, o.key_1 AS key_1, o.key_2 AS key_2, count() AS sessions,
        sum(o.traces) + uniqExactArray(o.named) AS traces,
        sum(o.failing) + uniqExactArray(o.named_failing) AS error_traces, uniqExactArray(o.users) AS users,
        sum(o.turns) AS turns, sum(o.input_tokens) AS input_tokens, sum(o.output_tokens) AS output_tokens,
        sum(o.input_tokens + o.output_tokens) AS total_tokens, sum(o.cache_read_tokens) AS cache_read_tokens,
        sum(o.cache_write_tokens) AS cache_write_tokens, sum(o.reasoning_tokens) AS reasoning_tokens,
        sum(o.cost_usd) AS cost_usd, sum(o.unpriced_turns) AS unpriced_turns, sum(o.errors) AS errors,
        arrayConcat([toFloat64(sum(o.cost_usd)) / count(o.cost_usd)],
            quantilesExactInclusive(0.5, 0.9, 0.95, 0.99, 1)(toFloat64(o.cost_usd))) AS costs,
        arrayConcat([avg(o.input_tokens + o.output_tokens)],
            quantilesExactInclusive(0.5, 0.9, 0.95, 0.99, 1)(o.input_tokens + o.output_tokens)) AS tokens,
        arrayConcat([avg(o.turns)], quantilesExactInclusive(0.5, 0.9, 0.95, 0.99, 1)(o.turns)) AS turns_each,
        arrayConcat([avg(o.duration_ns / 1e6)],
            quantilesExactInclusive(0.5, 0.9, 0.95, 0.99, 1)(o.duration_ns / 1e6)) AS durations
    FROM {source:Identifier} AS o
    GROUP BY is_total, key_1, key_2
) AS p
WHERE p.is_total
   OR {after_id:Nullable(String)} IS NULL
   OR (key IS NULL, ifNull(key, 0), id)
      > ({after_null:Bool}, {after_value:Decimal(38, 12)}, ifNull({after_id:Nullable(String)}, ''))
ORDER BY p.is_total DESC, key IS NULL, key, id
LIMIT {limit:UInt32}
-- The keys of a granule before the rest of it, as in clickhouse/rollup/statements.py; and larger blocks than those of
-- 1 MB, for there are many columns: 90 -> 71 ms of CPU for a day of 100,000 sessions.
SETTINGS optimize_move_to_prewhere_if_final = 1, preferred_block_size_bytes = 4194304
