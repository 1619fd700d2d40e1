from typing import Any

from amazon_lambda_runtime import Context, Runtime


class Share(Runtime):
    def handler(self, event: Any, context: Context) -> Any:
        self.logger.debug(lambda: {"event": event})  # made only if the level is on
        total = sum(event["prices"])
        self.logger.info("priced", extra={"items": len(event["prices"]), "total": total})
        try:
            return {"each": total / event["people"]}
        except ZeroDivisionError:
            self.logger.exception("nobody pays")
            return {"each": total}
