"""The common events for a type checker and an editor. Import it under TYPE_CHECKING only.

Fields that AWS sends always are required; the others are NotRequired. There may be more.

https://docs.aws.amazon.com/lambda/latest/dg/lambda-services.html
"""

from typing import Any, Literal, NotRequired, TypedDict


class SQSAttributes(TypedDict):
    ApproximateReceiveCount: str
    SentTimestamp: str
    SenderId: str
    ApproximateFirstReceiveTimestamp: str
    SequenceNumber: NotRequired[str]
    MessageGroupId: NotRequired[str]
    MessageDeduplicationId: NotRequired[str]
    AWSTraceHeader: NotRequired[str]
    DeadLetterQueueSourceArn: NotRequired[str]


class SQSMessageAttribute(TypedDict):
    dataType: str
    stringValue: NotRequired[str]
    binaryValue: NotRequired[str]
    stringListValues: NotRequired[list[str]]
    binaryListValues: NotRequired[list[str]]


class SQSRecord(TypedDict):
    messageId: str
    receiptHandle: str
    body: str
    attributes: SQSAttributes
    messageAttributes: dict[str, SQSMessageAttribute]
    md5OfBody: str
    md5OfMessageAttributes: NotRequired[str]
    eventSource: Literal["aws:sqs"]
    eventSourceARN: str
    awsRegion: str


class SNSMessageAttribute(TypedDict):
    Type: str
    Value: str


class SNSNotification(TypedDict):
    Type: Literal["Notification"]
    MessageId: str
    TopicArn: str
    Message: str
    Timestamp: str
    SignatureVersion: str
    Signature: str
    Subject: NotRequired[str | None]
    MessageAttributes: NotRequired[dict[str, SNSMessageAttribute]]


class SNSRecord(TypedDict):
    EventVersion: str
    EventSubscriptionArn: str
    EventSource: Literal["aws:sns"]
    Sns: SNSNotification


class S3Bucket(TypedDict):
    name: str
    ownerIdentity: dict[str, str]
    arn: str


class S3Object(TypedDict):
    key: str  # as in a URL: object_key(record) decodes it
    sequencer: str
    size: NotRequired[int]  # the last three are there where an object is
    eTag: NotRequired[str]
    versionId: NotRequired[str]


class S3Entity(TypedDict):
    s3SchemaVersion: str
    configurationId: str
    bucket: S3Bucket
    object: S3Object


class S3Record(TypedDict):
    eventVersion: str
    eventSource: Literal["aws:s3"]
    awsRegion: str
    eventTime: str
    eventName: str
    userIdentity: dict[str, str]
    requestParameters: dict[str, str]
    responseElements: dict[str, str]
    s3: S3Entity
    glacierEventData: NotRequired[dict[str, Any]]


# "detail-type" is no name that a class can have.
EventBridgeEvent = TypedDict(
    "EventBridgeEvent",
    {
        "version": str,
        "id": str,
        "detail-type": str,
        "source": str,
        "account": str,
        "time": str,
        "region": str,
        "resources": list[str],
        "detail": Any,
        "replay-name": NotRequired[str],
    },
)


class KinesisData(TypedDict):
    kinesisSchemaVersion: str
    partitionKey: str
    sequenceNumber: str
    data: str
    approximateArrivalTimestamp: float


class KinesisRecord(TypedDict):
    kinesis: KinesisData
    eventSource: Literal["aws:kinesis"]
    eventVersion: str
    eventID: str
    eventName: str
    invokeIdentityArn: str
    awsRegion: str
    eventSourceARN: str


class DynamoDBChange(TypedDict):
    Keys: dict[str, Any]
    SequenceNumber: str
    SizeBytes: int
    StreamViewType: str
    ApproximateCreationDateTime: NotRequired[float]
    NewImage: NotRequired[dict[str, Any]]
    OldImage: NotRequired[dict[str, Any]]


class DynamoDBRecord(TypedDict):
    eventID: str
    eventName: Literal["INSERT", "MODIFY", "REMOVE"]
    eventVersion: str
    eventSource: Literal["aws:dynamodb"]
    awsRegion: str
    dynamodb: DynamoDBChange
    eventSourceARN: str
    userIdentity: NotRequired[dict[str, str]]


class KafkaRecord(TypedDict):
    topic: str
    partition: int
    offset: int
    timestamp: int
    timestampType: str
    key: NotRequired[str | None]
    value: NotRequired[str | None]
    headers: list[dict[str, list[int]]]


class ALBContext(TypedDict):
    elb: dict[str, str]


class ALBRequest(TypedDict):
    requestContext: ALBContext
    httpMethod: str
    path: str
    body: str
    isBase64Encoded: bool
    queryStringParameters: NotRequired[dict[str, str]]
    multiValueQueryStringParameters: NotRequired[dict[str, list[str]]]
    headers: NotRequired[dict[str, str]]
    multiValueHeaders: NotRequired[dict[str, list[str]]]
