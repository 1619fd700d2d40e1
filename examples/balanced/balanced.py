from typing import TYPE_CHECKING, Any

from amazon_lambda_runtime.events import ALB, EventRuntime

if TYPE_CHECKING:
    from amazon_lambda_runtime.events.types import ALBRequest


class Greeter(ALB):
    def on_request(
        self, method: str, path: str, params: dict[str, Any], event: "ALBRequest"
    ) -> Any:
        if (method, path) != ("GET", "/hello"):
            return super().on_request(method, path, params, event)  # 404
        return {"message": f"Hello {params.get('name', 'World')}!"}


class Balanced(EventRuntime):
    pass


Balanced.register_event_handler("aws:alb", Greeter)
