ALTER TABLE span_facts UPDATE input_preview = '', output_preview = '', content_until = toDateTime(0)
WHERE content_until > toDateTime(0) AND content_until <= {until:DateTime('UTC')}
