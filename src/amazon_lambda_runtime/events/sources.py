"""Where an event comes from, told by its shape.

Rule: all of it is in the tables. Where AWS names a source in `eventSource` or `EventSource`, that
is its name here. The others are named alike, after their service.
"""

from .patterns import matches

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

# Sources that name themselves, in each record or once for all.
_NAMED = (
    "aws:codecommit",
    "aws:docdb",
    "aws:dynamodb",
    "aws:kafka",
    "aws:kinesis",
    "aws:mq",
    "aws:rmq",
    "aws:s3",
    "aws:ses",
    "aws:sns",
    "aws:sqs",
)
_ALIASES = {"SelfManagedKafka": "aws:kafka"}

# The others. The first line of which an event has every field; what stands behind "=" is a pattern
# of the field's text.
_SHAPES: tuple[tuple[str, ...], ...] = (
    ("aws:events", "detail-type"),
    ("aws:s3", "Event=s3:TestEvent"),
    ("aws:alb", "requestContext.elb"),
    ("aws:vpc-lattice", "requestContext.serviceNetworkArn"),
    ("aws:vpc-lattice", "raw_path", "method"),
    ("aws:apigateway-authorizer", "type", "methodArn"),
    ("aws:apigateway-authorizer", "type=REQUEST", "routeArn"),
    ("aws:apigateway-websocket", "requestContext.connectionId", "requestContext.eventType"),
    ("aws:lambda-url", "requestContext.domainName=*.lambda-url.*", "requestContext.http"),
    ("aws:apigateway-v2", "requestContext.http.method"),
    ("aws:apigateway", "requestContext.requestId", "httpMethod"),
    ("aws:logs", "awslogs.data"),
    ("aws:cloudwatch-alarm", "alarmArn", "alarmData"),
    ("aws:firehose", "deliveryStreamArn", "records"),
    ("aws:kinesis-analytics", "applicationArn", "records"),
    ("aws:cognito", "triggerSource", "userPoolId"),
    ("aws:cognito-sync", "eventType=SyncTrigger", "identityPoolId"),
    ("aws:config", "invokingEvent", "configRuleName"),
    ("aws:codepipeline", "CodePipeline.job"),
    ("aws:cloudformation", "RequestType", "ResponseURL", "StackId"),
    ("aws:secretsmanager", "SecretId", "ClientRequestToken", "Step"),
    ("aws:s3-batch", "tasks", "invocationSchemaVersion"),
    ("aws:s3-object-lambda", "xAmzRequestId", "userRequest"),
    ("aws:appsync-authorizer", "authorizationToken", "requestContext.apiId"),
    ("aws:appsync", "info.fieldName"),
    ("aws:appsync", "info.channel"),
    ("aws:lex", "bot", "sessionState"),
    ("aws:lex", "bot", "currentIntent"),
    ("aws:bedrock-agent", "messageVersion", "agent"),
    ("aws:connect", "Name=ContactFlowEvent", "Details.ContactData"),
    ("aws:iot", "clickType", "serialNumber"),
    ("aws:iot", "deviceEvent", "placementInfo"),
    ("aws:iot-authorizer", "protocolData", "protocols"),
    ("aws:alexa", "request.type", "context.System"),
    ("aws:alexa", "directive.header"),
    ("aws:transfer", "serverId", "username", "protocol"),
    ("aws:workmail", "flowDirection", "envelope"),
    ("aws:client-vpn", "connection-id", "endpoint-id"),
)

#: The names of all sources that are known.
SOURCES = frozenset((*_NAMED, "aws:cloudfront", *(row[0] for row in _SHAPES)))


def source_of(event: "Any") -> str:
    """Return the name of the source that sent `event`: "aws:sqs" and so on.

    Where records say their source, it is what the first of them says, known here or not. It is ""
    for what looks like nothing that a service of AWS sends.
    """
    if not isinstance(event, dict):
        return ""
    records = event.get("Records")
    if isinstance(records, list) and records:
        return record_source(records[0])
    named = record_source(event)
    if named:
        return named
    for source, *fields in _SHAPES:
        if all(_has(event, field) for field in fields):
            return source
    return ""


def record_source(record: "Any") -> str:
    """Return the name of the source that a record of an event says that it is from, or ""."""
    if not isinstance(record, dict):
        return ""
    source = record.get("eventSource") or record.get("EventSource")
    if isinstance(source, str):
        return _ALIASES.get(source, source)
    return "aws:cloudfront" if isinstance(record.get("cf"), dict) else ""


def at(value: "Any", path: str) -> "Any":
    """Return what is at the end of a dotted path of keys, or None."""
    for key in path.split("."):
        if not isinstance(value, dict):
            return None
        value = value.get(key)
    return value


def _has(event: "dict[str, Any]", field: str) -> bool:
    path, equals, pattern = field.partition("=")
    # CodePipeline has a key with a dot in it.
    value = event[path] if path in event else at(event, path)
    if equals:
        return isinstance(value, str) and matches(pattern, value)
    return value is not None
