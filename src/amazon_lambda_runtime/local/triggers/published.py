"""Topics, buckets, buses and streams in the embedded services, and what they send to a queue.

Everything here blocks; `Wiring` calls it in threads.
"""

import json
from collections.abc import Sequence
from typing import Any

from amazon_lambda_runtime.local.services.client import ServiceError, client, told
from amazon_lambda_runtime.project.aws_limits import FIFO_SUFFIX

# Every event that EventBridge has ever sent: a rule has to have a pattern.
_ALL = json.dumps({"version": ["0"]})


class Published:
    """Makes what is published to, in the services at this endpoint. Each method may be repeated.

    Raises ServiceError for what the services refuse.
    """

    def __init__(self, endpoint: str, region: str) -> None:
        self._endpoint = endpoint
        self._region = region

    def topic(self, name: str) -> str:
        """Make a topic; return its ARN."""
        with told(f"cannot make the topic {name}"):
            fifo = {"FifoTopic": "true"} if name.endswith(FIFO_SUFFIX) else {}
            reply = self._client("sns").create_topic(Name=name, Attributes=fifo)
            arn: str = reply["TopicArn"]
        return arn

    def subscribe(self, topic_arn: str, queue_arn: str, filter_policy: str | None) -> str:
        """Subscribe a queue to a topic; return the subscription's ARN."""
        attributes = {} if filter_policy is None else {"FilterPolicy": filter_policy}
        with told(f"cannot subscribe to {topic_arn}"):
            reply = self._client("sns").subscribe(
                TopicArn=topic_arn,
                Protocol="sqs",
                Endpoint=queue_arn,
                Attributes=attributes,
                ReturnSubscriptionArn=True,
            )
        arn: str = reply["SubscriptionArn"]
        return arn

    def bucket(self, name: str) -> None:
        """Make a bucket."""
        s3 = self._client("s3")
        place = {"LocationConstraint": self._region}
        more = {} if self._region == "us-east-1" else {"CreateBucketConfiguration": place}
        with told(f"cannot make the bucket {name}"):
            if name not in [each["Name"] for each in s3.list_buckets()["Buckets"]]:
                s3.create_bucket(Bucket=name, **more)

    def notify(
        self, bucket: str, to_arn: str, events: Sequence[str], prefix: str, suffix: str
    ) -> None:
        """Have a bucket send what changes in it to a queue or a topic, beside what it sends."""
        s3 = self._client("s3")
        kind = "Topic" if to_arn.split(":")[2] == "sns" else "Queue"
        wanted: dict[str, Any] = {f"{kind}Arn": to_arn, "Events": list(events)}
        rules = [
            {"Name": rule, "Value": value}
            for rule, value in (("prefix", prefix), ("suffix", suffix))
            if value
        ]
        if rules:
            wanted["Filter"] = {"Key": {"FilterRules": rules}}
        with told(f"cannot set the notifications of bucket {bucket}"):
            found = s3.get_bucket_notification_configuration(Bucket=bucket)
            found.pop("ResponseMetadata", None)
            found.setdefault(f"{kind}Configurations", []).append(wanted)
            s3.put_bucket_notification_configuration(Bucket=bucket, NotificationConfiguration=found)

    def forward(self, bus: str, rule: str, queue_arn: str) -> None:
        """Have a bus send everything to a queue: the pattern is matched where it arrives."""
        events = self._client("events")
        with told(f"cannot make the rule {rule}"):
            if bus not in [each["Name"] for each in events.list_event_buses()["EventBuses"]]:
                events.create_event_bus(Name=bus)
            events.put_rule(Name=rule, EventBusName=bus, EventPattern=_ALL)
            target = {"Id": "local", "Arn": queue_arn}
            events.put_targets(Rule=rule, EventBusName=bus, Targets=[target])

    def stream(self, name: str) -> None:
        """Make a Kinesis stream of one shard."""
        kinesis = self._client("kinesis")
        with told(f"cannot make the stream {name}"):
            if name not in kinesis.list_streams()["StreamNames"]:
                kinesis.create_stream(StreamName=name, ShardCount=1)

    def put_record(self, stream: str, data: str, key: str) -> None:
        """Put a record into a Kinesis stream."""
        with told(f"cannot put a record into the stream {stream}"):
            self._client("kinesis").put_record(StreamName=stream, Data=data, PartitionKey=key)

    def redrive(self, dead_letters: str, queue: str) -> int:
        """Move the messages of a dead-letter queue back to its queue; return how many.

        Those that fail meanwhile and come back stay there: it ends.
        """
        sqs, moved = self._client("sqs"), 0
        with told(f"cannot redrive {dead_letters}"):
            source, target = (
                sqs.get_queue_url(QueueName=n)["QueueUrl"] for n in (dead_letters, queue)
            )
            names = ["ApproximateNumberOfMessages"]
            there = sqs.get_queue_attributes(QueueUrl=source, AttributeNames=names)["Attributes"]
            count = int(there[names[0]])
            while moved < count and (
                found := sqs.receive_message(
                    QueueUrl=source,
                    MaxNumberOfMessages=min(10, count - moved),
                    AttributeNames=["All"],
                    MessageAttributeNames=["All"],
                ).get("Messages")
            ):
                for message in found:
                    more = {}
                    if group := message["Attributes"].get("MessageGroupId"):
                        more["MessageGroupId"] = group
                        more["MessageDeduplicationId"] = message["MessageId"]
                    if attributes := message.get("MessageAttributes"):
                        more["MessageAttributes"] = attributes
                    sqs.send_message(QueueUrl=target, MessageBody=message["Body"], **more)
                    sqs.delete_message(QueueUrl=source, ReceiptHandle=message["ReceiptHandle"])
                    moved += 1
        return moved

    def publish(self, topic_arn: str, message: str) -> None:
        """Publish a message to a topic."""
        with told(f"cannot publish to {topic_arn}"):
            self._client("sns").publish(TopicArn=topic_arn, Message=message)

    def put_event(self, bus: str, source: str, detail_type: str, detail: str) -> None:
        """Put an event on a bus."""
        entry = {
            "EventBusName": bus,
            "Source": source,
            "DetailType": detail_type,
            "Detail": detail,
        }
        with told(f"cannot put an event on the bus {bus}"):
            reply = self._client("events").put_events(Entries=[entry])
        [told_of] = reply["Entries"]
        if message := told_of.get("ErrorMessage"):
            raise ServiceError(f"cannot put an event on the bus {bus}: {message}")

    def _client(self, service: str) -> Any:
        return client(service, self._endpoint, self._region)
