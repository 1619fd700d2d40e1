import logging

logging.getLogger().setLevel(logging.INFO)


def handler(event, context):
    logging.info("%d ms left", context.get_remaining_time_in_millis())
    return {"path": event["path"], "function": context.function_name}
