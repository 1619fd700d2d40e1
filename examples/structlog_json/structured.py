from typing import Any

import structlog

from amazon_lambda_runtime import Context

structlog.configure(
    processors=[
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso"),
        structlog.processors.format_exc_info,
        structlog.processors.JSONRenderer(),
    ]
)
log = structlog.get_logger()


def handler(event: Any, context: Context) -> Any:
    structlog.contextvars.bind_contextvars(requestId=context.aws_request_id)
    log.info("sold", item=event["item"])
    return {"sold": event["item"]}
