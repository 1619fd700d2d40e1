"""The common events for a type checker and an editor. Import it under TYPE_CHECKING only.

Fields that AWS always sends are required; the others are NotRequired. There may be more.

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
    # In a record of a topic, and in a message of a queue.
    SigningCertUrl: NotRequired[str]
    UnsubscribeUrl: NotRequired[str]
    SigningCertURL: NotRequired[str]
    UnsubscribeURL: NotRequired[str]


class SNSRecord(TypedDict):
    EventVersion: str
    EventSubscriptionArn: str
    EventSource: Literal["aws:sns"]
    Sns: SNSNotification


class SQSEvent(TypedDict):
    Records: list[SQSRecord]


class SNSEvent(TypedDict):
    Records: list[SNSRecord]


class S3Bucket(TypedDict):
    name: str
    ownerIdentity: dict[str, str]
    arn: str


class S3Object(TypedDict):
    key: str  # as in a URL: object_key(record) decodes it
    sequencer: str
    size: NotRequired[int]  # the last three are missing if the object was removed
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
    restoreEventData: NotRequired[dict[str, Any]]
    replicationEventData: NotRequired[dict[str, Any]]
    intelligentTieringEventData: NotRequired[dict[str, Any]]
    lifecycleEventData: NotRequired[dict[str, Any]]


class S3Event(TypedDict):
    Records: list[S3Record]


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
    encryptionType: NotRequired[str]


class KinesisRecord(TypedDict):
    kinesis: KinesisData
    eventSource: Literal["aws:kinesis"]
    eventVersion: str
    eventID: str
    eventName: str
    invokeIdentityArn: str
    awsRegion: str
    eventSourceARN: str


class Window(TypedDict):
    start: str
    end: str


class KinesisEvent(TypedDict):
    Records: list[KinesisRecord]
    # The others are there with tumbling windows.
    window: NotRequired[Window]
    state: NotRequired[Any]
    shardId: NotRequired[str]
    eventSourceARN: NotRequired[str]
    isFinalInvokeForWindow: NotRequired[bool]
    isWindowTerminatedEarly: NotRequired[bool]


class DynamoDBChange(TypedDict):
    Keys: dict[str, Any]
    SequenceNumber: str
    SizeBytes: int
    StreamViewType: str
    ApproximateCreationDateTime: NotRequired[float]
    ApproximateCreationDateTimePrecision: NotRequired[str]
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


class DynamoDBEvent(TypedDict):
    Records: list[DynamoDBRecord]
    window: NotRequired[Window]
    state: NotRequired[Any]
    shardId: NotRequired[str]
    eventSourceARN: NotRequired[str]
    isFinalInvokeForWindow: NotRequired[bool]
    isWindowTerminatedEarly: NotRequired[bool]


class KafkaRecord(TypedDict):
    topic: str
    partition: int
    offset: int
    timestamp: int
    timestampType: str
    key: NotRequired[str | None]
    value: NotRequired[str | None]
    headers: list[dict[str, list[int]]]


class KafkaEvent(TypedDict):
    eventSource: str
    bootstrapServers: str
    records: dict[str, list[KafkaRecord]]
    eventSourceArn: NotRequired[str]


class MQMessage(TypedDict):
    """A message of ActiveMQ, which has a messageID, or of RabbitMQ, which has basicProperties."""

    data: str
    redelivered: bool
    messageID: NotRequired[str]
    messageType: NotRequired[str]
    destination: NotRequired[dict[str, str]]
    timestamp: NotRequired[int]
    brokerInTime: NotRequired[int]
    brokerOutTime: NotRequired[int]
    connectionId: NotRequired[str]
    deliveryMode: NotRequired[int]
    replyTo: NotRequired[str | None]
    type: NotRequired[str | None]
    expiration: NotRequired[int]
    priority: NotRequired[int]
    correlationId: NotRequired[str]
    properties: NotRequired[dict[str, str]]
    basicProperties: NotRequired[dict[str, Any]]


class CloudFormationEvent(TypedDict):
    RequestType: Literal["Create", "Update", "Delete"]
    StackId: str
    RequestId: str
    LogicalResourceId: str
    ResourceType: str
    ResourceProperties: dict[str, Any]
    ResponseURL: NotRequired[str]
    ServiceToken: NotRequired[str]
    PhysicalResourceId: NotRequired[str]
    OldResourceProperties: NotRequired[dict[str, Any]]
    ServiceTimeout: NotRequired[str]


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


class APIGatewayEvent(TypedDict):
    """A request of a REST API, or of an HTTP API in the format 1.0."""

    resource: str
    path: str
    httpMethod: str
    headers: dict[str, str] | None
    multiValueHeaders: dict[str, list[str]] | None
    queryStringParameters: dict[str, str] | None
    multiValueQueryStringParameters: dict[str, list[str]] | None
    pathParameters: dict[str, str] | None
    stageVariables: dict[str, str] | None
    requestContext: dict[str, Any]
    body: str | None
    isBase64Encoded: bool
    version: NotRequired[str]


class APIGatewayV2Event(TypedDict):
    """A request of an HTTP API in the format 2.0."""

    version: str
    routeKey: str
    rawPath: str
    rawQueryString: str
    headers: dict[str, str]
    requestContext: dict[str, Any]
    isBase64Encoded: bool
    cookies: NotRequired[list[str]]
    queryStringParameters: NotRequired[dict[str, str]]
    pathParameters: NotRequired[dict[str, str]]
    stageVariables: NotRequired[dict[str, str]]
    body: NotRequired[str]


#: A request of a Function URL, which has the format 2.0.
FunctionURLEvent = APIGatewayV2Event
