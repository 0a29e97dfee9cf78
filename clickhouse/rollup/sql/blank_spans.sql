ALTER TABLE spans UPDATE
    input_messages = '', output_messages = '', system_instructions = '', tool_definitions = '', tool_arguments = '',
    tool_result = '', content_attributes = map(), input_preview = '', output_preview = '',
    `events.attributes` = arrayMap(attributes -> CAST(map(), 'Map(LowCardinality(String), String)'), `events.attributes`),
    content_until = toDateTime(0)
WHERE content_until > toDateTime(0) AND content_until <= {until:DateTime('UTC')}
