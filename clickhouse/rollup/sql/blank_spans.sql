-- Of events, what an exception was stays: it is how a call went, and what content "off" keeps, too.
ALTER TABLE spans UPDATE
    input_messages = '', output_messages = '', system_instructions = '', tool_definitions = '', tool_arguments = '',
    tool_result = '', content_attributes = map(), input_preview = '', output_preview = '',
    `events.attributes` = arrayMap(attributes -> mapFilter((key, _) -> startsWith(key, 'exception.'), attributes),
                                   `events.attributes`),
    content_until = toDateTime(0)
WHERE content_until > toDateTime(0) AND content_until <= {until:DateTime('UTC')}
