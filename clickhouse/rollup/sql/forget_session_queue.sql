-- Rows that two workers finished: of three signs one is left over, which no merge can pair.
DELETE FROM session_queue
WHERE stamp < now64(6) - toIntervalSecond({after_seconds:UInt32}) AND (stamp, id) IN
(
    SELECT stamp, id FROM session_queue
    WHERE stamp < now64(6) - toIntervalSecond({after_seconds:UInt32})
    GROUP BY stamp, id
    HAVING sum(sign) <= 0
)
