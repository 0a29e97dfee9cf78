-- The sessions in which these texts were said. A text counts for the session of its span: the one that the span names,
-- else the one that its trace is bound to, which is the only one with spans that inherited it.
-- `unsaid`: those to be left out, where nothing is asked for but that some texts were not said.
-- What log records say is looked up record by record: they have no such index. One without a session of its own counts
-- for that of the call that it tells of.
-- The index answers for words; what else a text holds is looked up in what they find. Without FINAL the index answers
-- alone (9 ms against 1.5 s for a common word in 400,000 spans); a span that was sent again mostly says the same.
SELECT o.session_id
FROM
(
    SELECT t.session_id AS session_id, h.found AS found
    FROM session_traces AS t FINAL
    INNER JOIN (
        WITH
        (
            SELECT (min(b.started_at), max(b.last_active_at)) FROM sessions AS b FINAL
            WHERE b.project_id = {project:String}
              AND b.spans > 0
              AND b.last_active_at >= fromUnixTimestamp64Nano({from_ns:Int64}, 'UTC')
              AND b.started_at < fromUnixTimestamp64Nano({to_ns:Int64}, 'UTC')
        ) AS bounds,
        {text_1:String} != ''
            AND hasAllTokens(x.said, lowerUTF8({text_1:String}))
            AND ({word_1:Bool} OR position(x.said, lowerUTF8({text_1:String})) > 0) AS said_1,
        {text_2:String} != ''
            AND hasAllTokens(x.said, lowerUTF8({text_2:String}))
            AND ({word_2:Bool} OR position(x.said, lowerUTF8({text_2:String})) > 0) AS said_2,
        {text_3:String} != ''
            AND hasAllTokens(x.said, lowerUTF8({text_3:String}))
            AND ({word_3:Bool} OR position(x.said, lowerUTF8({text_3:String})) > 0) AS said_3,
        {text_4:String} != ''
            AND hasAllTokens(x.said, lowerUTF8({text_4:String}))
            AND ({word_4:Bool} OR position(x.said, lowerUTF8({text_4:String})) > 0) AS said_4,
        {text_5:String} != ''
            AND hasAllTokens(x.said, lowerUTF8({text_5:String}))
            AND ({word_5:Bool} OR position(x.said, lowerUTF8({text_5:String})) > 0) AS said_5,
        {text_6:String} != ''
            AND hasAllTokens(x.said, lowerUTF8({text_6:String}))
            AND ({word_6:Bool} OR position(x.said, lowerUTF8({text_6:String})) > 0) AS said_6,
        {text_7:String} != ''
            AND hasAllTokens(x.said, lowerUTF8({text_7:String}))
            AND ({word_7:Bool} OR position(x.said, lowerUTF8({text_7:String})) > 0) AS said_7,
        {text_8:String} != ''
            AND hasAllTokens(x.said, lowerUTF8({text_8:String}))
            AND ({word_8:Bool} OR position(x.said, lowerUTF8({text_8:String})) > 0) AS said_8
        SELECT x.trace_id AS trace_id, x.session_id AS own_session,
               maxForEach([said_1, said_2, said_3, said_4, said_5, said_6, said_7, said_8]) AS found
        FROM spans AS x
        WHERE x.project_id = {project:String}
          AND (said_1 OR said_2 OR said_3 OR said_4 OR said_5 OR said_6 OR said_7 OR said_8)
          AND x.started_at BETWEEN bounds.1 AND bounds.2
          AND (toUnixTimestamp(x.content_until) = 0 OR x.content_until > now())
        GROUP BY x.trace_id, x.session_id) AS h
        ON h.trace_id = t.trace_id AND (h.own_session = t.session_id OR h.own_session = '' AND t.inherited_spans > 0)
    WHERE t.project_id = {project:String}
      AND t.spans > 0
      AND t.session_id != ''
    UNION ALL
    SELECT t.session_id AS session_id, h.found AS found
    FROM session_traces AS t FINAL
    INNER JOIN (
        WITH
        [{text_1:String}, {text_2:String}, {text_3:String}, {text_4:String}, {text_5:String}, {text_6:String},
         {text_7:String}, {text_8:String}] AS texts,
        [{word_1:Bool}, {word_2:Bool}, {word_3:Bool}, {word_4:Bool}, {word_5:Bool}, {word_6:Bool}, {word_7:Bool},
         {word_8:Bool}] AS words,
        translate(replaceRegexpAll(
            lowerUTF8(concat(l.input_messages, ' ', l.output_messages, ' ', l.tool_arguments, ' ', l.tool_result, ' ',
                             l.input_preview, ' ', l.output_preview)),
            concat('"(role":"(user|assistant|system|tool)"|type":"(text|tool_call|tool_call_response)"|parts":',
                   '|content":)|\\\\[nt]'),
            ' '), '._:\'', '    ') AS said,
        tokens(said, 'asciiCJK') AS said_words
        SELECT l.trace_id AS trace_id, l.session_id AS own_session, l.span_id AS span_id, l.record_id AS record_id,
               arrayMap((text, word) -> text != ''
                            AND hasAll(said_words, tokens(lowerUTF8(text), 'asciiCJK'))
                            AND (word OR position(said, lowerUTF8(text)) > 0), texts, words) AS found
        FROM log_calls AS l
        WHERE l.project_id = {project:String}
          AND (toUnixTimestamp(l.content_until) = 0 OR l.content_until > now())
          AND has(found, 1)) AS h
        ON h.trace_id = t.trace_id
    WHERE t.project_id = {project:String}
      AND t.spans > 0
      AND t.session_id != ''
      AND (t.session_id, t.trace_id) IN (
          SELECT session_id, trace_id FROM trace_sessions
          WHERE project_id = {project:String} AND trace_id IN (
              SELECT trace_id FROM log_calls WHERE project_id = {project:String}))
      AND (h.own_session = t.session_id
           OR h.own_session = '' AND (
               t.inherited_spans > 0 OR has(t.calls.span_id, h.span_id) OR has(t.calls.span_id, h.record_id)
               OR has(arrayFlatten(t.calls.members), h.span_id) OR t.session_id = ''))
) AS o
GROUP BY o.session_id
HAVING if({unsaid:Bool},
          arrayExists(i -> maxForEach(o.found)[i] = 1, {text_none:Array(UInt16)}),
          arrayAll(g -> arrayExists(i -> maxForEach(o.found)[i] = 1, g), {text_any:Array(Array(UInt16))})
              AND NOT arrayExists(i -> maxForEach(o.found)[i] = 1, {text_none:Array(UInt16)}))
