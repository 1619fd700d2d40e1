from typing import Any

from amazon_lambda_runtime import Context, Runtime


class Hello(Runtime):
    def handler(self, event: Any, context: Context) -> Any:
        query = event.get("queryStringParameters") or {}
        return {"message": f"Hello {query.get('name', 'World')}!"}
