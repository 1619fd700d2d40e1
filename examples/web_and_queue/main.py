from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route

from amazon_lambda_runtime.events import SQS, EventRuntime
from amazon_lambda_runtime.web import Web


async def orders(request: Request) -> PlainTextResponse:
    return PlainTextResponse(f"orders of {request.client.host if request.client else 'nobody'}")


class NewOrder(SQS):
    async def on_message(self, body: Any, record: Any) -> None:
        print("order", body["number"])


class Queue(EventRuntime):
    pass


Queue.register_event_handler("aws:sqs", NewOrder)
routes = [Route("/orders", orders)]
handler = Web(Starlette(routes=routes), root_path="/api", stream=True, events=Queue)
