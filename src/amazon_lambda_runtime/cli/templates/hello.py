from typing import Any

from amazon_lambda_runtime import Context, Runtime


class Hello(Runtime):
    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.greeting = "Hello"  # once per execution environment

    def handler(self, event: Any, context: Context) -> Any:
        self.logger.info("asked by %s", event.get("name"))
        return {"message": f"{self.greeting} {event.get('name', 'World')}!"}
