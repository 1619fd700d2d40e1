"""What AWS Lambda has been recorded to answer: one table, and where each row was recorded.

The recordings are public, of the tests of other projects that were run on AWS. A text that has the
region, the account or an id in it has a placeholder here: {region}, {account}, {id}. The functions
of the recordings have names of their own; here all are `hello`.
"""

from dataclasses import dataclass, field
from typing import Any

# github.com/localstack/localstack at commit 8b9a79f: the test, and what it has recorded.
_LAMBDA = "localstack/localstack tests/aws/services/lambda_/test_lambda.snapshot.json"
_API = "localstack/localstack tests/aws/services/lambda_/test_lambda_api.snapshot.json"
_LAMBDA_TEST = "localstack/localstack tests/aws/services/lambda_/test_lambda.py"

INVOKE = "/2015-03-31/functions/{}/invocations"
GET = "/2015-03-31/functions/{}"
CONFIGURATION = "/2015-03-31/functions/{}/configuration"
URL_CONFIG = "/2021-10-31/functions/{}/url"
URL_CONFIGS = "/2021-10-31/functions/{}/urls"
ALIAS = "/2015-03-31/functions/{}/aliases/"

_NAME = (
    r"(arn:(aws[a-zA-Z-]*)?:lambda:)?((eusc-)?[a-z]{2}((-gov)|(-iso([a-z]?)))?-[a-z]+-\d{1}:)?"
    r"(\d{12}:)?(function:)?([a-zA-Z0-9-_\.]+)(:(\$LATEST(\.PUBLISHED)?|[a-zA-Z0-9-_]+))?"
)
_QUALIFIER = r"\$(LATEST(\.PUBLISHED)?)|[a-zA-Z0-9-_$]+"
_URL_QUALIFIER = r"((?!^\d+$)^[0-9a-zA-Z-_]+$)"
_ARN = "arn:aws:lambda:{region}:{account}:function"


@dataclass(frozen=True)
class Request:
    """A request to the Lambda API; `function` is a name or an ARN, `headers` are X-Amz-…"""

    path: str
    function: str
    qualifier: str = ""
    body: str = "{}"
    headers: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Fact:
    """What was answered: the header fields that count (None: absent), and the body as JSON.

    The body "" is an empty one. `error` is the name of the error, in x-amzn-ErrorType.
    """

    name: str
    request: Request
    status: int
    body: Any
    source: str
    error: str = ""
    headers: dict[str, str | None] = field(default_factory=dict)


def _missing(text: str) -> dict[str, str]:
    return {"Type": "User", "Message": text}


def _invalid(*errors: str) -> dict[str, str]:
    count = f"{len(errors)} validation error{'s' if len(errors) > 1 else ''} detected: "
    return {"message": count + "; ".join(errors)}


def _bad_name(name: str) -> str:
    return (
        f"Value '{name}' at 'functionName' failed to satisfy constraint: "
        f"Member must satisfy regular expression pattern: {_NAME}"
    )


_TOO_LONG = (
    f"Value '{'a' * 129}' at 'qualifier' failed to satisfy constraint: "
    "Member must have length less than or equal to 128"
)
_NOT_MATCHING = {
    "Type": "User",
    "message": (
        "The derived qualifier from the function name does not match the specified qualifier."
    ),
}
_NO_VERSION: dict[str, str | None] = {"X-Amz-Executed-Version": None, "X-Amz-Function-Error": None}
_FAILED: dict[str, str | None] = {
    "X-Amz-Executed-Version": "$LATEST",
    "X-Amz-Function-Error": "Unhandled",
}
_VALIDATION = f"{_API} TestLambdaFunction::test_function_name_and_qualifier_validation"

#: Names that break the service's pattern, by the recording's name for each.
MALFORMED = {
    "function_name_is_single_invalid": "*",
    "invalid_characters_in_function_name": "my-function!",
    "invalid_account_id_in_partial_arn": "invalid-account:function:my-function",
    "invalid_region_in_arn": "arn:aws:lambda:invalid-region:{account}:function:my-function",
    "non_lambda_arn": "arn:aws:ec2:{region}:{account}:instance:i-1234567890abcdef0",
    "full_arn_with_multiple_qualifiers": f"{_ARN}:my-function:1:2",
    "partial_arn_with_extra_qualifier": "function:my-function:$LATEST:extra",
    "missing_region_in_arn": "arn:aws:lambda::{account}:function:my-function",
    "missing_account_id_in_arn": "arn:aws:lambda:{region}::function:my-function",
    "misspelled_latest_in_arn": f"{_ARN}:my-function:$LATES",
}

FACTS = [
    Fact(
        "unknown-invoke",
        Request(INVOKE, "nope"),
        404,
        _missing(f"Function not found: {_ARN}:nope:$LATEST"),
        f"{_LAMBDA} TestLambdaFeatures::test_invoke_exceptions",
        "ResourceNotFoundException",
    ),
    *(
        Fact(
            f"unknown-{name}",
            Request(path, "nope"),
            404,
            _missing(f"Function not found: {_ARN}:nope"),
            f"{_API} TestLambdaFunction::test_ops_on_nonexisting_fn[{operation}]",
            "ResourceNotFoundException",
        )
        for name, path, operation in (
            ("get", GET, "get_function"),
            ("configuration", CONFIGURATION, "get_function_configuration"),
        )
    ),
    Fact(
        "unknown-url",
        Request(URL_CONFIG, "nope"),
        404,
        _missing("The resource you requested does not exist."),
        f"{_API} TestLambdaFunction::test_ops_on_nonexisting_fn[get_function_url_config]",
        "ResourceNotFoundException",
    ),
    *(
        Fact(
            f"version-{operation}",
            Request(path, "hello", "1221"),
            404,
            _missing(f"Function not found: {_ARN}:hello:1221"),
            f"{_API} TestLambdaFunction::test_ops_on_nonexisting_version[{operation}]",
            "ResourceNotFoundException",
        )
        for path, operation in (
            (GET, "get_function"),
            (CONFIGURATION, "get_function_configuration"),
        )
    ),
    Fact(
        "alias-invoke",
        Request(INVOKE, "hello", "non-existent-alias"),
        404,
        _missing(f"Function not found: {_ARN}:hello:non-existent-alias"),
        f"{_LAMBDA} TestLambdaAliases::test_lambda_alias_moving",
        "ResourceNotFoundException",
    ),
    *(
        Fact(
            f"alias-{how}",
            request,
            404,
            _missing(f"Function not found: {_ARN}:hello:aliasdoesnotexist"),
            f"{_API} TestLambdaAlias::test_alias_lifecycle",
            "ResourceNotFoundException",
        )
        for how, request in (
            ("get", Request(GET, "hello", "aliasdoesnotexist")),
            ("get-by-arn", Request(GET, f"{_ARN}:hello:aliasdoesnotexist")),
        )
    ),
    Fact(
        "get-alias",
        Request(f"{ALIAS}non-existent", "hello"),
        404,
        _missing(f"Cannot find alias arn: {_ARN}:hello:non-existent"),
        f"{_API} TestLambdaAlias::test_notfound_and_invalid_routingconfigs",
        "ResourceNotFoundException",
    ),
    Fact(
        "alias-url",
        Request(URL_CONFIG, "hello", "doesnotexist"),
        404,
        _missing("The resource you requested does not exist."),
        f"{_API} TestLambdaUrl::test_url_config_exceptions",
        "ResourceNotFoundException",
    ),
    *(
        Fact(
            f"url-{case}",
            Request(URL_CONFIG, name, qualifier),
            400,
            _invalid(
                f"Value '{qualifier}' at 'qualifier' failed to satisfy constraint: "
                f"Member must satisfy regular expression pattern: {_URL_QUALIFIER}"
            ),
            f"{_API} TestLambdaUrl::test_url_config_exceptions",
            "ValidationException",
        )
        for case, name, qualifier in (
            ("of-a-version", "hello", "1"),
            ("of-a-version-that-does-not-exist", "hello", "2"),
            ("of-a-version-of-an-unknown-function", "nope", "1"),
            ("of-latest", "hello", "$LATEST"),
        )
    ),
    Fact(
        "unknown-urls",
        Request(URL_CONFIGS, "nope"),
        404,
        _missing("Function does not exist"),
        f"{_API} TestLambdaUrl::test_url_config_list_paging",
        "ResourceNotFoundException",
    ),
    *(
        Fact(
            f"region-{operation}",
            Request(path, "arn:aws:lambda:eu-west-1:{account}:function:hello"),
            404,
            _missing(
                "Functions from 'eu-west-1' are not reachable in this region ('{region}')",
            ),
            f"{_API} TestLambdaFunction::test_get_function_wrong_region[{operation}]",
            "ResourceNotFoundException",
        )
        for path, operation in (
            (INVOKE, "invoke"),
            (GET, "get_function"),
            (CONFIGURATION, "get_function_configuration"),
            (URL_CONFIG, "get_function_url_config"),
        )
    ),
    *(
        Fact(
            f"mismatch-{operation}",
            Request(path, f"{_ARN}:hello:$LATEST", "1"),
            400,
            _NOT_MATCHING,
            f"{_VALIDATION}[latest_version_with_additional_qualifier-{operation}]",
            "InvalidParameterValueException",
        )
        for path, operation in ((INVOKE, "invoke"), (GET, "get_function"))
    ),
    *(
        Fact(
            f"{case}-{operation}",
            Request(path, name),
            400,
            _invalid(_bad_name(name)),
            f"{_VALIDATION}[{case}-{operation}]",
            "ValidationException",
        )
        for case, name in MALFORMED.items()
        for path, operation in ((INVOKE, "invoke"), (GET, "get_function"))
    ),
    Fact(
        "name-and-qualifier",
        Request(INVOKE, "arn:aws:lambda:invalid-region:{account}:function:my-function", "a" * 129),
        400,
        _invalid(
            _TOO_LONG, _bad_name("arn:aws:lambda:invalid-region:{account}:function:my-function")
        ),
        f"{_VALIDATION}[full_arn_and_qualifier_too_long_and_invalid_region-invoke]",
        "ValidationException",
    ),
    Fact(
        "qualifier-characters",
        Request(INVOKE, "hello", "invalid!"),
        400,
        _invalid(
            "Value 'invalid!' at 'qualifier' failed to satisfy constraint: "
            f"Member must satisfy regular expression pattern: {_QUALIFIER}"
        ),
        f"{_VALIDATION}[invalid_characters_in_qualifier-invoke]",
        "ValidationException",
    ),
    Fact(
        "qualifier-length",
        Request(INVOKE, "hello", "a" * 129),
        400,
        _invalid(_TOO_LONG),
        f"{_VALIDATION}[qualifier_too_long-invoke]",
        "ValidationException",
    ),
    Fact(
        "qualifier-latest-in-lower-case",
        Request(INVOKE, f"{_ARN}:hello", "$latest"),
        404,
        _missing(f"Function not found: {_ARN}:hello:$latest"),
        f"{_VALIDATION}[lowercase_latest_qualifier-invoke]",
        "ResourceNotFoundException",
    ),
    Fact(
        "name-of-65-letters",
        Request(INVOKE, "a" * 65),
        404,
        _missing(f"Function not found: {_ARN}:{'a' * 65}:$LATEST"),
        f"{_VALIDATION}[function_name_too_long-invoke]",
        "ResourceNotFoundException",
    ),
    Fact(
        "arn-that-is-incomplete",
        Request(INVOKE, _ARN),
        404,
        _missing(f"Function not found: {_ARN}:function:$LATEST"),
        f"{_VALIDATION}[incomplete_arn-invoke]",
        "ResourceNotFoundException",
    ),
    Fact(
        "pattern-with-an-at-sign",
        Request(INVOKE, "arn:aws:lambda:{region}:{account}@function:myfn"),
        400,
        _invalid(_bad_name("arn:aws:lambda:{region}:{account}@function:myfn")),
        f"{_API} TestLambdaFunction::test_invalid_invoke",
        "ValidationException",
    ),
    Fact(
        "request-response",
        Request(INVOKE, "hello", headers={"X-Amz-Invocation-Type": "RequestResponse"}),
        200,
        {},
        f"{_LAMBDA} TestLambdaFeatures::test_invocation_type_request_response[python3.10]",
        headers={"X-Amz-Executed-Version": "$LATEST", "X-Amz-Function-Error": None},
    ),
    Fact(
        "no-result",
        Request(INVOKE, "hello", body='{"none": 1}'),
        200,
        None,
        f"{_LAMBDA} TestLambdaFeatures::test_invocation_type_no_return_payload"
        "[python-RequestResponse]",
        headers={"X-Amz-Executed-Version": "$LATEST", "X-Amz-Function-Error": None},
    ),
    Fact(
        "event",
        Request(INVOKE, "hello", headers={"X-Amz-Invocation-Type": "Event"}),
        202,
        "",
        f"{_LAMBDA} TestLambdaFeatures::test_invocation_type_event[python3.10]",
        headers=_NO_VERSION,
    ),
    Fact(
        "dry-run",
        Request(INVOKE, "hello", headers={"X-Amz-Invocation-Type": "DryRun"}),
        204,
        "",
        f"{_LAMBDA} TestLambdaFeatures::test_invocation_type_dry_run[python3.10]",
        headers=_NO_VERSION,
    ),
    Fact(
        "exit",
        Request(INVOKE, "hello", body='{"exit": 0}'),
        200,
        {
            "errorType": "Runtime.ExitError",
            "errorMessage": "RequestId: {id} Error: Runtime exited without providing a reason",
        },
        f"{_LAMBDA} TestLambdaErrors::test_lambda_handler_exit",
        headers=_FAILED,
    ),
    Fact(
        "exit-status",
        Request(INVOKE, "hello", body='{"exit": 127}'),
        200,
        {
            "errorType": "Runtime.ExitError",
            "errorMessage": "RequestId: {id} Error: Runtime exited with error: exit status 127",
        },
        f"{_LAMBDA} TestLambdaErrors::test_lambda_runtime_wrapper_not_found",
        headers=_FAILED,
    ),
    Fact(
        "too-large",
        Request(INVOKE, "hello", body='{"size": 6291557}'),
        200,
        {
            "errorType": "Function.ResponseSizeTooLarge",
            "errorMessage": (
                "Response payload size exceeded maximum allowed payload size (6291556 bytes)."
            ),
        },
        f"{_LAMBDA} TestLambdaBaseFeatures::test_lambda_too_large_response",
        headers=_FAILED,
    ),
    Fact(
        "timeout",
        Request(INVOKE, "hello", body='{"sleep": 20}'),
        200,
        {
            "errorType": "Sandbox.Timedout",
            "errorMessage": "RequestId: {id} Error: Task timed out after 1.00 seconds",
        },
        f"{_LAMBDA} TestLambdaBehavior::test_lambda_invoke_with_timeout",
        headers=_FAILED,
    ),
]


@dataclass(frozen=True)
class UrlFact:
    """What a function URL answered to a function's result."""

    name: str
    result: Any
    status: int
    body: bytes
    source: str
    headers: dict[str, str] = field(default_factory=dict)


_URL = f"{_LAMBDA} TestLambdaURL::test_lambda_url_invocation"
_IS_JSON = {"Content-Type": "application/json"}

URL_FACTS = [
    *(
        UrlFact(
            name,
            result,
            200,
            body,
            f"{_URL}[{name}]",
            {"Content-Length": str(len(body)), **_IS_JSON},
        )
        for name, result, body in (
            ("dict", {"hello": "world"}, b'{"hello":"world"}'),
            ("http-response", {"statusCode": 200, "body": "body123"}, b"body123"),
            (
                "http-response-json",
                {"statusCode": 200, "body": '{"hello": "world"}'},
                b'{"hello": "world"}',
            ),
            ("list-mixed", ["hello", 3, True], b'["hello",3,true]'),
            ("string", "hello", b"hello"),
            ("integer", 3, b"3"),
            ("float", 3.1, b"3.1"),
            ("boolean", True, b"true"),
        )
    ),
    UrlFact(
        "status-as-text",
        {"statusCode": "418", "body": "i'm a teapot", "isBase64Encoded": False},
        418,
        b"i'm a teapot",
        f"{_LAMBDA_TEST} TestLambdaURL::test_lambda_url_headers_and_status",
    ),
    UrlFact(
        "headers",
        {"statusCode": 201, "headers": {"my-custom-header": "Custom Value"}, "body": "{}"},
        201,
        b"{}",
        f"{_LAMBDA_TEST} TestLambdaURL::test_lambda_url_headers_and_status",
        {"my-custom-header": "Custom Value"},
    ),
    UrlFact(
        "exception",
        {"raise": 1},
        502,
        b"Internal Server Error",
        f"{_LAMBDA_TEST} TestLambdaURL::test_lambda_url_invocation_exception",
    ),
]

#: The names of the header fields in the event of a function URL, in the recording of one that was
#: asked by an HTTP client with these and with `Connection: keep-alive`.
URL_HEADERS = {
    "accept",
    "accept-encoding",
    "content-length",
    "content-type",
    "extra-headers",
    "host",
    "user-agent",
    "x-amzn-trace-id",
    "x-forwarded-for",
    "x-forwarded-port",
    "x-forwarded-proto",
}
#: Where it was recorded. It has x-amzn-tls-version and x-amzn-tls-cipher-suite, too.
URL_HEADERS_SOURCE = f"{_LAMBDA} TestLambdaURL::test_lambda_url_echo_http_fixture_default"

#: What a caller is told beyond the function's concurrency, and where it was recorded.
THROTTLED = {
    "Reason": "ReservedFunctionConcurrentInvocationLimitExceeded",
    "Type": "User",
    "message": "Rate Exceeded.",
}
THROTTLED_SOURCE = f"{_LAMBDA} TestLambdaConcurrency::test_reserved_concurrency"

#: How the message about a payload begins that is not JSON, and where it was recorded. What follows
#: are the words of the parser.
BAD_PAYLOAD = "Could not parse request body into json: Could not parse payload into json: "
BAD_PAYLOAD_SOURCE = f"{_LAMBDA} TestLambdaErrors::test_lambda_invoke_payload_encoding_error"

#: The names of what GetFunctionUrlConfig tells, and where it was recorded.
URL_CONFIGURATION_FIELDS = {
    "AuthType",
    "CreationTime",
    "FunctionArn",
    "FunctionUrl",
    "InvokeMode",
    "LastModifiedTime",
}
URL_CONFIGURATION_SOURCE = f"{_API} TestLambdaUrl::test_url_config_lifecycle"

#: The names of what GetAlias tells, and where it was recorded.
ALIAS_FIELDS = {"AliasArn", "Description", "FunctionVersion", "Name", "RevisionId"}
ALIAS_SOURCE = f"{_API} TestLambdaAlias::test_alias_lifecycle"

#: The names of what GetFunctionConfiguration tells about a function of an image, and its source.
CONFIGURATION_FIELDS = {
    "Architectures",
    "CodeSha256",
    "CodeSize",
    "Description",
    "Environment",
    "EphemeralStorage",
    "FunctionArn",
    "FunctionName",
    "LastModified",
    "LastUpdateStatus",
    "LoggingConfig",
    "MemorySize",
    "PackageType",
    "RevisionId",
    "Role",
    "SnapStart",
    "State",
    "Timeout",
    "TracingConfig",
    "Version",
}
CONFIGURATION_SOURCE = f"{_API} TestLambdaImages::test_lambda_image_crud"

#: The log of a runtime that exits with status 0 at its start, with N for numbers and ids. Recorded
#: in github.com/cargo-lambda/cargo-lambda, issue #572. The end of REPORT is left out: since then
#: it has a status.
LOG_OF_AN_EXIT_DURING_INIT = [
    "INIT_REPORT Init Duration: N ms\tPhase: init\tStatus: error\tError Type: Runtime.ExitError",
    "INIT_REPORT Init Duration: N ms\tPhase: invoke\tStatus: error\tError Type: Runtime.ExitError",
    "START RequestId: N Version: $LATEST",
    "RequestId: N Error: Runtime exited without providing a reason",
    "Runtime.ExitError",
    "END RequestId: N",
    "REPORT RequestId: N\tDuration: N ms",
]
