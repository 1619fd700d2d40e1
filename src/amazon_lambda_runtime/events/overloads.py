"""What a type checker and an editor know of `EventRuntime.on`: sources, conditions, functions.

It is for type checkers only, and never imported otherwise. A source of another name is an error to
them, and so is a condition or a function that the source does not have.
"""

from collections.abc import Callable
from typing import Any, Literal, Protocol, TypeVar, overload

from .types import (
    ALBRequest,
    APIGatewayEvent,
    APIGatewayV2Event,
    DynamoDBRecord,
    EventBridgeEvent,
    KafkaRecord,
    KinesisRecord,
    MQMessage,
    S3Record,
    SNSNotification,
    SQSRecord,
)

Source = Literal[
    "aws:alb",
    "aws:alexa",
    "aws:apigateway",
    "aws:apigateway-authorizer",
    "aws:apigateway-v2",
    "aws:apigateway-websocket",
    "aws:appsync",
    "aws:appsync-authorizer",
    "aws:bedrock-agent",
    "aws:client-vpn",
    "aws:cloudformation",
    "aws:cloudfront",
    "aws:cloudwatch-alarm",
    "aws:codecommit",
    "aws:codedeploy",
    "aws:codepipeline",
    "aws:cognito",
    "aws:cognito-sync",
    "aws:config",
    "aws:connect",
    "aws:docdb",
    "aws:dynamodb",
    "aws:events",
    "aws:firehose",
    "aws:iot",
    "aws:iot-authorizer",
    "aws:iot-provisioning",
    "aws:kafka",
    "aws:kinesis",
    "aws:kinesis-analytics",
    "aws:lambda",
    "aws:lambda-url",
    "aws:lex",
    "aws:logs",
    "aws:mq",
    "aws:pinpoint",
    "aws:rmq",
    "aws:s3",
    "aws:s3-batch",
    "aws:s3-object-lambda",
    "aws:sagemaker",
    "aws:secretsmanager",
    "aws:ses",
    "aws:sns",
    "aws:sqs",
    "aws:transfer",
    "aws:transfer-workflow",
    "aws:vpc-lattice",
    "aws:workmail",
]

# Sources of which a function is given the event, and nothing is asked but where it comes from.
PlainSource = Literal[
    "aws:alexa",
    "aws:apigateway-authorizer",
    "aws:appsync",
    "aws:appsync-authorizer",
    "aws:bedrock-agent",
    "aws:client-vpn",
    "aws:cloudformation",
    "aws:cloudfront",
    "aws:cloudwatch-alarm",
    "aws:codecommit",
    "aws:codedeploy",
    "aws:codepipeline",
    "aws:cognito-sync",
    "aws:config",
    "aws:connect",
    "aws:docdb",
    "aws:firehose",
    "aws:iot",
    "aws:iot-authorizer",
    "aws:iot-provisioning",
    "aws:kinesis-analytics",
    "aws:lambda",
    "aws:lex",
    "aws:pinpoint",
    "aws:s3-batch",
    "aws:s3-object-lambda",
    "aws:sagemaker",
    "aws:secretsmanager",
    "aws:ses",
    "aws:transfer",
    "aws:transfer-workflow",
    "aws:vpc-lattice",
    "aws:workmail",
]

#: The names of S3's events, as one writes them in a bucket's configuration.
S3EventName = Literal[
    "s3:*",
    "s3:ObjectCreated:*",
    "s3:ObjectCreated:Put",
    "s3:ObjectCreated:Post",
    "s3:ObjectCreated:Copy",
    "s3:ObjectCreated:CompleteMultipartUpload",
    "s3:ObjectRemoved:*",
    "s3:ObjectRemoved:Delete",
    "s3:ObjectRemoved:DeleteMarkerCreated",
    "s3:ObjectRestore:*",
    "s3:ObjectRestore:Post",
    "s3:ObjectRestore:Completed",
    "s3:ObjectRestore:Delete",
    "s3:ObjectTagging:*",
    "s3:ObjectTagging:Put",
    "s3:ObjectTagging:Delete",
    "s3:ObjectAcl:Put",
    "s3:LifecycleExpiration:*",
    "s3:LifecycleExpiration:Delete",
    "s3:LifecycleExpiration:DeleteMarkerCreated",
    "s3:LifecycleTransition",
    "s3:IntelligentTiering",
    "s3:ReducedRedundancyLostObject",
    "s3:Replication:*",
    "s3:Replication:OperationFailedReplication",
    "s3:Replication:OperationMissedThreshold",
    "s3:Replication:OperationReplicatedAfterThreshold",
    "s3:Replication:OperationNotTracked",
]

SQSFunction = TypeVar("SQSFunction", bound=Callable[[Any, SQSRecord], Any])
SNSFunction = TypeVar("SNSFunction", bound=Callable[[Any, SNSNotification, Any], Any])
S3Function = TypeVar("S3Function", bound=Callable[[S3Record], Any])
EventBridgeFunction = TypeVar(
    "EventBridgeFunction", bound=Callable[[str, Any, EventBridgeEvent], Any]
)
KinesisFunction = TypeVar("KinesisFunction", bound=Callable[[Any, KinesisRecord], Any])
DynamoDBFunction = TypeVar("DynamoDBFunction", bound=Callable[[Any, Any, DynamoDBRecord], Any])
KafkaFunction = TypeVar("KafkaFunction", bound=Callable[[Any, KafkaRecord], Any])
ALBFunction = TypeVar("ALBFunction", bound=Callable[[str, str, dict[str, Any], ALBRequest], Any])
LogsFunction = TypeVar("LogsFunction", bound=Callable[[Any, Any], Any])
APIGatewayFunction = TypeVar("APIGatewayFunction", bound=Callable[[APIGatewayEvent], Any])
MQFunction = TypeVar("MQFunction", bound=Callable[[Any, MQMessage], Any])
HTTPFunction = TypeVar("HTTPFunction", bound=Callable[[APIGatewayV2Event], Any])
EventFunction = TypeVar("EventFunction", bound=Callable[[Any], Any])


class On(Protocol):
    """Has the decorated function handle what comes from a source and meets the conditions."""

    @overload
    def __call__(
        self, name: Literal["aws:sqs"], /, *, queue: str = ...
    ) -> Callable[[SQSFunction], SQSFunction]: ...

    @overload
    def __call__(
        self, name: Literal["aws:sns"], /, *, topic: str = ..., subject: str = ...
    ) -> Callable[[SNSFunction], SNSFunction]: ...

    @overload
    def __call__(
        self, name: Literal["aws:s3"], /, *, event: str = ..., bucket: str = ..., key: str = ...
    ) -> Callable[[S3Function], S3Function]: ...

    @overload
    def __call__(
        self, name: Literal["aws:events"], /, *, detail_type: str = ..., source: str = ...
    ) -> Callable[[EventBridgeFunction], EventBridgeFunction]: ...

    @overload
    def __call__(
        self, name: Literal["aws:kinesis"], /, *, stream: str = ...
    ) -> Callable[[KinesisFunction], KinesisFunction]: ...

    @overload
    def __call__(
        self, name: Literal["aws:dynamodb"], /, *, table: str = ..., event: str = ...
    ) -> Callable[[DynamoDBFunction], DynamoDBFunction]: ...

    @overload
    def __call__(
        self, name: Literal["aws:kafka"], /, *, topic: str = ...
    ) -> Callable[[KafkaFunction], KafkaFunction]: ...

    @overload
    def __call__(
        self, name: Literal["aws:alb"], /, *, method: str = ..., path: str = ...
    ) -> Callable[[ALBFunction], ALBFunction]: ...

    @overload
    def __call__(self, name: Literal["aws:logs"], /) -> Callable[[LogsFunction], LogsFunction]: ...

    @overload
    def __call__(
        self, name: Literal["aws:apigateway"], /, *, method: str = ..., path: str = ...
    ) -> Callable[[APIGatewayFunction], APIGatewayFunction]: ...

    @overload
    def __call__(
        self, name: S3EventName, /, *, bucket: str = ..., key: str = ...
    ) -> Callable[[S3Function], S3Function]: ...

    @overload
    def __call__(
        self, name: Literal["aws:mq", "aws:rmq"], /
    ) -> Callable[[MQFunction], MQFunction]: ...

    @overload
    def __call__(
        self,
        source: Literal["aws:apigateway-v2", "aws:lambda-url"],
        /,
        *,
        method: str = ...,
        path: str = ...,
    ) -> Callable[[HTTPFunction], HTTPFunction]: ...

    @overload
    def __call__(
        self, name: Literal["aws:apigateway-websocket"], /, *, route: str = ...
    ) -> Callable[[EventFunction], EventFunction]: ...

    @overload
    def __call__(
        self, name: Literal["aws:cognito"], /, *, trigger: str = ...
    ) -> Callable[[EventFunction], EventFunction]: ...

    @overload
    def __call__(self, name: PlainSource, /) -> Callable[[EventFunction], EventFunction]: ...
