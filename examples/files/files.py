from typing import TYPE_CHECKING

from amazon_lambda_runtime.events import S3, EventRuntime, object_key

if TYPE_CHECKING:
    from amazon_lambda_runtime.events.types import S3Record


class S3EventHandler(S3):
    def on_object_created(self, record: "S3Record") -> None:
        self.logger.info("created: s3://%s/%s", record["s3"]["bucket"]["name"], object_key(record))

    def on_object_removed(self, record: "S3Record") -> None:
        self.logger.info("removed: s3://%s/%s", record["s3"]["bucket"]["name"], object_key(record))

    def on_s3_event(self, record: "S3Record") -> None:
        self.logger.warn("unhandled event type: %s", record["eventName"])


class Files(EventRuntime):
    pass


Files.register_event_handler("aws:s3", S3EventHandler)
