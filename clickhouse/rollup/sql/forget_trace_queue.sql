-- Rows that two workers finished: of three signs one is left over, which no merge can pair. Where three are, the change
-- goes before those that finish it: parts are looked at one by one, and none may find it unfinished.
DELETE FROM trace_queue
WHERE stamp < now64(6) - toIntervalSecond({after_seconds:UInt32}) AND (stamp, id, sign) IN
(
    SELECT stamp, id, max(sign) FROM trace_queue
    WHERE stamp < now64(6) - toIntervalSecond({after_seconds:UInt32})
    GROUP BY stamp, id
    HAVING sum(sign) <= 0
)
