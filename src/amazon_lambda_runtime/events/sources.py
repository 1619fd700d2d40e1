"""Where an event comes from, told by its shape.

Rule: all of it is in the tables. Where AWS names a source in `eventSource` or `EventSource`, that
is its name here, if it is one that AWS sends. The others are named alike, after their service.
"""

from amazon_lambda_runtime.core.stdlib import load

from .patterns import matches

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

# Sources that name themselves, in each record or once for the whole event.
_NAMED = frozenset(
    (
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
)
_ALIASES = {
    "SelfManagedKafka": "aws:kafka",
    "aws:SelfManagedKafka": "aws:kafka",
    "aws:amq": "aws:mq",
}

# The others. The first row whose fields an event has all; behind "=" is a pattern of the field's
# text.
_SHAPES: tuple[tuple[str, ...], ...] = (
    ("aws:events", "detail-type"),
    ("aws:s3", "Event=s3:TestEvent", "Service", "Bucket"),
    ("aws:alb", "requestContext.elb"),
    ("aws:vpc-lattice", "requestContext.serviceNetworkArn"),
    ("aws:vpc-lattice", "raw_path", "method"),
    ("aws:apigateway-authorizer", "type", "methodArn"),
    ("aws:apigateway-authorizer", "type=REQUEST", "routeArn"),
    ("aws:apigateway-websocket", "requestContext.connectionId", "requestContext.eventType"),
    ("aws:lambda-url", "requestContext.domainName=*.lambda-url.*", "requestContext.http"),
    ("aws:apigateway-v2", "requestContext.http.method"),
    ("aws:lambda", "requestContext.functionArn", "requestContext.condition"),
    ("aws:apigateway", "requestContext.requestId", "httpMethod"),
    ("aws:logs", "awslogs.data"),
    ("aws:cloudwatch-alarm", "alarmArn", "alarmData"),
    ("aws:firehose", "deliveryStreamArn", "records"),
    ("aws:kinesis-analytics", "applicationArn", "records"),
    ("aws:firehose", "invocationId", "records"),
    ("aws:cognito", "triggerSource", "userPoolId"),
    ("aws:cognito-sync", "eventType=SyncTrigger", "identityPoolId"),
    ("aws:config", "invokingEvent", "configRuleName"),
    ("aws:codepipeline", "CodePipeline.job"),
    ("aws:codedeploy", "DeploymentId", "LifecycleEventHookExecutionId"),
    ("aws:cloudformation", "RequestType", "StackId"),
    ("aws:cloudformation", "RequestType", "ResourceProperties"),
    ("aws:secretsmanager", "SecretId", "ClientRequestToken", "Step"),
    ("aws:s3-batch", "tasks", "invocationSchemaVersion"),
    ("aws:s3-object-lambda", "xAmzRequestId", "userRequest"),
    ("aws:appsync-authorizer", "authorizationToken", "requestContext.apiId"),
    ("aws:appsync", "info.fieldName"),
    ("aws:appsync", "info.channel"),
    ("aws:lex", "bot", "sessionState"),
    ("aws:lex", "bot", "currentIntent"),
    ("aws:bedrock-agent", "messageVersion", "agent"),
    ("aws:connect", "Name=ContactFlowEvent", "Details"),
    ("aws:connect", "Details.ContactData", "Details.Parameters"),
    ("aws:iot", "clickType", "serialNumber"),
    ("aws:iot", "deviceEvent", "placementInfo"),
    ("aws:iot-authorizer", "protocolData", "protocols"),
    ("aws:iot-provisioning", "templateArn", "certificateId", "parameters"),
    ("aws:sagemaker", "labelingJobArn", "version"),
    ("aws:pinpoint", "ApplicationId", "CampaignId", "Endpoints"),
    ("aws:pinpoint", "ApplicationId", "JourneyId", "Endpoints"),
    ("aws:alexa", "request.type", "context.System"),
    ("aws:alexa", "directive.header"),
    ("aws:transfer", "serverId", "username", "protocol"),
    ("aws:transfer-workflow", "serviceMetadata.executionDetails", "fileLocation"),
    ("aws:workmail", "flowDirection", "envelope"),
    ("aws:client-vpn", "connection-id", "endpoint-id"),
)


def _field(text: str) -> "tuple[str, tuple[str, ...], str]":
    """Return a field's name, the keys that it stands for, and the pattern of its text, or ""."""
    path, _, pattern = text.partition("=")
    return path, tuple(path.split(".")), pattern


# The same, taken apart once.
_FORMS = tuple((source, tuple(map(_field, fields))) for source, *fields in _SHAPES)

#: The names of all sources that are known.
SOURCES = frozenset((*_NAMED, "aws:cloudfront", *(row[0] for row in _SHAPES)))


def source_of(event: "Any") -> str:
    """Return the name of the source that sent `event`: "aws:sqs" and so on.

    The first record speaks for its event, and the first element for a bare list: EventBridge Pipes
    and AppSync's BatchInvoke send one. It is "" for what no service of AWS sends.
    """
    if isinstance(event, list):
        # Of what AppSync sends in a list, nothing names its source.
        first = event[0] if event else None
        return record_source(first) or ("aws:appsync" if at(first, "info.fieldName") else "")
    if not isinstance(event, dict):
        return ""
    records = event.get("Records")
    if isinstance(records, list):
        if records:
            return record_source(records[0])
        if "window" in event:
            return _source_of_arn(event.get("eventSourceARN"))
    named = record_source(event)
    if named:
        return named
    for source, fields in _FORMS:
        path, keys, _ = fields[0]
        if keys[0] not in event and path not in event:  # so end most rows
            continue
        for field in fields:
            if not _has(event, *field):
                break
        else:
            return source
    return ""


def record_source(record: "Any") -> str:
    """Return the source that a record names, or "" if it names none that is known."""
    if not isinstance(record, dict):
        return ""
    source = record.get("eventSource") or record.get("EventSource")
    if isinstance(source, str):
        return source if source in _NAMED else _ALIASES.get(source, "")
    return "aws:cloudfront" if isinstance(record.get("cf"), dict) else ""


def check_source(source: "Any") -> None:
    """Raise TypeError for what is no text, ValueError for a name that `source_of` does not give."""
    if not isinstance(source, str):
        kind = type(source).__name__
        raise TypeError(f'expected the name of a source, such as "aws:sqs", not {kind}')
    if source not in SOURCES:
        names = sorted(SOURCES)
        near = load("difflib").get_close_matches(source, names, 3, 0.6)
        hint = f"Did you mean {' or '.join(map(repr, near))}? " if near else ""
        choice = ", ".join(names)
        raise ValueError(f"{source!r} is not a known source. {hint}The sources are: {choice}")


def _source_of_arn(arn: "Any") -> str:
    """Return the source of the end of a tumbling window, which may have no records."""
    parts = arn.split(":") if isinstance(arn, str) else ()
    source = f"aws:{parts[2]}" if len(parts) > 2 else ""
    return source if source in ("aws:kinesis", "aws:dynamodb") else ""


def at(value: "Any", path: str) -> "Any":
    """Return what is at the end of a dotted path of keys, or None."""
    for key in path.split("."):
        if not isinstance(value, dict):
            return None
        value = value.get(key)
    return value


def _has(event: "dict[str, Any]", path: str, keys: "tuple[str, ...]", pattern: str) -> bool:
    # CodePipeline has a key with a dot in it.
    value = event.get(path)
    if value is None and len(keys) > 1:
        value = event
        for key in keys:
            if not isinstance(value, dict):
                return False
            value = value.get(key)
    if pattern:
        return isinstance(value, str) and matches(pattern, value)
    return value is not None
