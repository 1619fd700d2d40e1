import time
from collections.abc import Iterator
from typing import Any

from amazon_lambda_runtime import Context, Runtime


class Countdown(Runtime):
    def handler(self, event: Any, context: Context) -> Iterator[str]:
        for number in range(event["from"], 0, -1):
            yield f"{number}\n"  # it is with the caller before the next one is made
            time.sleep(event.get("pause", 0))
        self.send_invocation_response("lift-off\n")  # the last piece: the stream ends here
        self.logger.info("counted down from %d", event["from"])
