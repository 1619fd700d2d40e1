"""An order workflow of five functions: each gets an event, and passes the order on with boto3."""

import base64
import json
from functools import cache
from typing import Any

import boto3

from amazon_lambda_runtime import Context


@cache
def client(service: str) -> Any:
    return boto3.client(service)  # type: ignore[call-overload]


def take(event: dict[str, Any], context: Context) -> dict[str, Any]:
    """Put what comes in at the URL into the queue."""
    body = event["body"]
    if event["isBase64Encoded"]:
        body = base64.b64decode(body).decode()
    queue = client("sqs").get_queue_url(QueueName="orders")["QueueUrl"]
    client("sqs").send_message(QueueUrl=queue, MessageBody=body)
    return {"statusCode": 202}


def store(event: dict[str, Any], context: Context) -> dict[str, Any]:
    """Write orders to the table; report those that are none."""
    failed = []
    for record in event["Records"]:
        try:
            order = json.loads(record["body"])
            item = {"id": {"S": order["id"]}, "state": {"S": "stored"}}
            client("dynamodb").put_item(TableName="orders", Item=item)
        except (KeyError, ValueError) as error:
            print(f"{record['messageId']} is no order: {error!r}")
            failed.append({"itemIdentifier": record["messageId"]})
    return {"batchItemFailures": failed}


def announce(event: dict[str, Any], context: Context) -> None:
    """Publish each order that is new in the table."""
    topic = client("sns").create_topic(Name="stored")["TopicArn"]
    for record in event["Records"]:
        client("sns").publish(TopicArn=topic, Message=record["dynamodb"]["Keys"]["id"]["S"])


def ship(event: dict[str, Any], context: Context) -> None:
    """Mark orders as shipped."""
    for record in event["Records"]:
        client("dynamodb").update_item(
            TableName="orders",
            Key={"id": {"S": record["Sns"]["Message"]}},
            UpdateExpression="SET #state = :state",
            ExpressionAttributeNames={"#state": "state"},
            ExpressionAttributeValues={":state": {"S": "shipped"}},
        )


def report(event: dict[str, Any], context: Context) -> dict[str, int]:
    """Count the orders by their state."""
    states = [item["state"]["S"] for item in client("dynamodb").scan(TableName="orders")["Items"]]
    counted = {state: states.count(state) for state in sorted(set(states))}
    print("report:", counted)
    return counted
