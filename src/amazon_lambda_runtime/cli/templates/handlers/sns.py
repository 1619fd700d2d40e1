from typing import Any

from amazon_lambda_runtime.events import SNS, EventRuntime


class News(SNS):
    def on_notification(self, message: Any, notification: Any, record: Any) -> None:
        self.logger.info("notification %s", notification["MessageId"])


class App(EventRuntime):
    pass


App.register_event_handler("aws:sns", News)
