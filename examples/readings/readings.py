from typing import Any

from amazon_lambda_runtime.events import EventRuntime


class Readings(EventRuntime):
    def on_unhandled(self, source: str, record: Any) -> Any:
        match record:
            case {"device": str(device), "temperature": temperature}:  # a rule of AWS IoT
                self.logger.info("%s: %s", device, temperature)
                return {"stored": True}
            case {"step": "average", "values": list(values)}:  # a task of Step Functions
                return sum(values) / len(values)
        return super().on_unhandled(source, record)


app = Readings()
