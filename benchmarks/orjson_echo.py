"""The echo with another JSON library, by the methods that exist for that."""

from typing import Any

import orjson

from amazon_lambda_runtime import Context, Runtime


class Echo(Runtime):
    def decode_event(self, body: bytes, content_type: str) -> Any:
        return orjson.loads(body)

    def encode_response(self, result: Any) -> bytes:
        return orjson.dumps(result)

    def handler(self, event: Any, context: Context) -> Any:
        return event
