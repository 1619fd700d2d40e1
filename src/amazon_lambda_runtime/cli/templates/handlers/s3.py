from typing import Any

from amazon_lambda_runtime.events import S3, EventRuntime, object_key


class Files(S3):
    def on_object_created(self, record: Any) -> None:
        self.logger.info("created: %s", object_key(record))


class App(EventRuntime):
    pass


App.register_event_handler("aws:s3", Files)
