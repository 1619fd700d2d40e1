from collections.abc import AsyncIterator
from typing import Any

from amazon_lambda_runtime import Context, HttpResponse, Runtime


class Website(Runtime):
    async def handler(self, event: Any, context: Context) -> HttpResponse:
        if event["rawPath"] != "/events":
            return HttpResponse(404, {"Content-Type": "text/plain"}, body="not here")
        headers = {"Content-Type": "text/event-stream"}
        return HttpResponse(200, headers, cookies=["seen=1; Secure"], body=self.events())

    async def events(self) -> AsyncIterator[str]:
        for number in range(3):
            yield f"data: {number}\n\n"
