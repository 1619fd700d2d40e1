"""The handler of a function that talks to AWS: it imports boto3 and makes a client once."""

import gc

import boto3

s3 = boto3.client("s3")


def handler(event: dict[str, object], context: object) -> object:
    if event.get("collect"):
        gc.collect()
    return event
