SELECT (SELECT count() FROM spans WHERE content_until > toDateTime(0) AND content_until <= {until:DateTime('UTC')})
     + (SELECT count() FROM log_calls WHERE content_until > toDateTime(0) AND content_until <= {until:DateTime('UTC')})
