from typing import Any

from amazon_lambda_runtime.events import ALB, EventRuntime


class Requests(ALB):
    def on_request(self, method: str, path: str, params: dict[str, Any], event: Any) -> Any:
        return {"message": f"Hello {params.get('name', 'World')}!"}


class App(EventRuntime):
    pass


App.register_event_handler("aws:alb", Requests)
