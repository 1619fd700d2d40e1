from typing import TYPE_CHECKING, Any

from amazon_lambda_runtime.events import EventRuntime, object_key

if TYPE_CHECKING:
    from amazon_lambda_runtime.events.types import EventBridgeEvent, S3Record, SQSRecord

app = EventRuntime()


@app.on("s3:ObjectCreated:*", bucket="in-*", key="*.csv")
def load_prices(record: "S3Record") -> None:
    app.logger.info("loading %s", object_key(record))


@app.on("aws:sqs", queue="orders")
async def take_order(body: Any, record: "SQSRecord") -> None:
    app.logger.info("order %s", body["number"])


@app.on("aws:events", detail_type="Scheduled Event")
def tidy_up(detail_type: str, detail: dict[str, Any], event: "EventBridgeEvent") -> None:
    app.logger.info("tidied up at %s", event["time"])
