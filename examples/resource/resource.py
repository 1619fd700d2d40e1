from typing import TYPE_CHECKING, Any

from amazon_lambda_runtime.events import CloudFormation, EventRuntime

if TYPE_CHECKING:
    from amazon_lambda_runtime.events.types import CloudFormationEvent


class Greeting(CloudFormation):
    def on_create(self, properties: dict[str, Any], event: "CloudFormationEvent") -> dict[str, Any]:
        name = properties["Name"]
        return {"PhysicalResourceId": f"greeting-{name}", "Data": {"Text": f"Hello {name}!"}}

    def on_update(
        self, properties: dict[str, Any], old: dict[str, Any], event: "CloudFormationEvent"
    ) -> dict[str, Any]:
        return self.on_create(properties, event)  # another name: the old one is deleted after it

    def on_delete(self, properties: dict[str, Any], event: "CloudFormationEvent") -> None:
        self.logger.info("deleted %s", event.get("PhysicalResourceId"))


class Stack(EventRuntime):
    pass


Stack.register_event_handler("aws:cloudformation", Greeting)
