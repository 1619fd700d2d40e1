from typing import Any

from amazon_lambda_runtime import Context, Runtime


class Managed(Runtime):
    concurrency = "threads"  # or "processes", "tasks"

    def handler(self, event: Any, context: Context) -> Any:
        self.logger.info("serving %s", context.tenant_id)
        return {"request": context.aws_request_id}
