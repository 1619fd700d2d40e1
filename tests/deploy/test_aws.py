"""What AWS's words mean: which refusals are of what is there or is not, and which are repeated."""

import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from botocore import exceptions

from amazon_lambda_runtime.deploy.aws import Aws, Reply
from amazon_lambda_runtime.deploy.errors import AwsError, DeployError, LostReply
from amazon_lambda_runtime.deploy.retry import Retry
from tests.deploy.canned import REGION, Canned, refused


@pytest.mark.parametrize(
    ("code", "text", "exists", "not_found"),
    [
        ("ResourceConflictException", "Function already exist: orders", True, False),
        ("ResourceConflictException", "Alias already exists: orders", True, False),
        ("ResourceConflictException", "FunctionUrlConfig exists for this function", True, False),
        ("ResourceConflictException", "An update is in progress for resource", False, False),
        ("EntityAlreadyExists", "", True, False),
        ("RepositoryAlreadyExistsException", "", True, False),
        ("ResourceAlreadyExistsException", "", True, False),
        ("DuplicateTargetGroupName", "", True, False),
        ("PriorityInUse", "", True, False),
        ("ValidationError", "it exists", False, False),
        ("NoSuchEntity", "", False, True),
        ("NoSuchBucket", "", False, True),
        ("404", "Not Found", False, True),
        ("4040", "", False, False),
        ("ResourceNotFoundException", "", False, True),
        ("NotFound", "", False, True),
        ("TargetGroupNotFound", "", False, True),
        ("AWS.SimpleQueueService.NonExistentQueue", "", False, True),
        ("QueueDoesNotExist", "", False, True),
        ("RepositoryPolicyNotFoundException", "", False, True),
        ("AccessDenied", "not found", False, False),
    ],
)
def test_there_and_not_there(code: str, text: str, exists: bool, not_found: bool) -> None:
    """By AWS's code; Lambda's conflicts by their text."""
    error = AwsError("x:Y", code, text)
    assert (error.exists, error.not_found) == (exists, not_found)


def test_an_error_is_one_line() -> None:
    """AWS's words, without their line breaks, and the hint after them."""
    assert str(AwsError("x:Y", "Code", "a\n  b", "do c")) == "x:Y: Code: a b - do c"
    assert str(AwsError("x:Y", "Code", "a")) == "x:Y: Code: a"


@pytest.mark.parametrize(
    ("error", "kind", "message"),
    [
        (refused("AccessDenied", "no", 403), AwsError, "lambda-runtime permissions"),
        (refused("UnauthorizedOperation", "no", 403), AwsError, "allow the deployer"),
        (refused("ExpiredToken", "old", 403), AwsError, "sign in to AWS again"),
        (refused("SignatureDoesNotMatch", "x", 403), AwsError, "check the credentials"),
        (refused("InvalidParameterValueException", "cannot be assumed"), AwsError, "iam:PassRole"),
        (refused("Other", "x", 499), AwsError, "sts:GetCallerIdentity: Other: x"),
        (refused("InternalError", "x", 500), LostReply, "InternalError"),
        (refused("ServiceUnavailable", "x", 503), LostReply, "ServiceUnavailable"),
        (refused("NotImplemented", "x", 501), AwsError, "NotImplemented"),
        (
            exceptions.EndpointConnectionError(endpoint_url="http://x"),
            AwsError,
            "check the network",
        ),
        (exceptions.ReadTimeoutError(endpoint_url="http://x"), LostReply, "ReadTimeoutError"),
        (exceptions.ConnectionClosedError(endpoint_url="http://x"), LostReply, "ConnectionClosed"),
        (exceptions.NoCredentialsError(), DeployError, "there are no AWS credentials"),
        (
            exceptions.PartialCredentialsError(provider="env", cred_var="secret"),
            DeployError,
            "the AWS credentials are incomplete",
        ),
        (exceptions.ParamValidationError(report="bad\nvalue"), DeployError, "bad value"),
        (exceptions.InvalidRegionError(region_name="x y"), DeployError, "x y"),
    ],
)
def test_what_went_wrong(error: Exception, kind: type[Exception], message: str) -> None:
    """Each failure is one line with IAM's name of the action, and what to do about it."""
    with pytest.raises(DeployError) as caught:
        Canned(sts__get_caller_identity=error).call("sts", "get_caller_identity", again=False)
    assert type(caught.value) is kind
    assert message in str(caught.value)
    assert str(caught.value).startswith("sts:GetCallerIdentity: ")
    assert "\n" not in str(caught.value)


def test_other_exceptions_pass() -> None:
    """A mistake of our own is not AWS's."""
    with pytest.raises(ZeroDivisionError):
        Canned(x__get_y=ZeroDivisionError()).call("x", "get_y")


BUSY = "The operation cannot be performed at this time. An update is in progress for resource: x"


@pytest.mark.parametrize(
    ("code", "text", "seconds"),
    [
        ("Throttling", "Rate exceeded", 120),
        ("TooManyRequestsException", "", 120),
        ("LimitExceededException", "too many functions", 0),
        ("ResourceConflictException", BUSY, 300),
        ("ResourceConflictException", "The function is in the following state: Pending", 300),
        ("ResourceInUseException", "x", 120),
        ("AWS.SimpleQueueService.QueueDeletedRecently", "x", 70),
        ("InvalidParameterValueException", "cannot be assumed by Lambda", 0),
        ("InvalidParameterValueException", "The execution role does not have permissions", 30),
        ("InvalidArgument", "Unable to validate the following destination configurations", 30),
        ("InvalidArgument", "x", 0),
        ("AccessDenied", "x", 0),
    ],
)
def test_how_long_it_is_repeated(code: str, text: str, seconds: int) -> None:
    """What passes is repeated for its time, and no longer; what stays wrong is asked once."""
    aws = Canned(x__put_y=refused(code, text))
    with pytest.raises(AwsError):
        aws.call("x", "put_y")
    assert aws.now <= seconds
    assert seconds - 11 < aws.now or not seconds
    assert (len(aws.sent) > 1) is bool(seconds)


@pytest.mark.parametrize(("again", "sent"), [(True, 2), (False, 1)])
def test_a_lost_reply(again: bool, sent: int) -> None:
    """It is repeated if the caller says that this does no harm."""
    aws = Canned(x__put_y=[refused("InternalError", "", 500), {"a": 1}])
    if again:
        assert aws.call("x", "put_y") == {"a": 1}
    else:
        with pytest.raises(LostReply):
            aws.call("x", "put_y", again=False)
    assert len(aws.sent) == sent


def test_a_lost_reply_is_not_repeated_even_at_once() -> None:
    """Nor where no time passes and the wait that is drawn is none."""
    aws = Canned(x__put_y=refused("InternalError", "", 500))
    aws.retry.draw = lambda: 0.0
    with pytest.raises(LostReply):
        aws.call("x", "put_y", again=False)
    assert len(aws.sent) == 1


@pytest.mark.parametrize(
    ("error", "found", "repeated"),
    [
        (refused("EntityAlreadyExists"), {"made": 1}, False),
        (refused("EntityAlreadyExists"), None, None),
        (refused("InternalError", "", 500), {"made": 1}, False),
        (refused("InternalError", "", 500), None, True),
        (refused("AccessDenied"), {"made": 1}, None),
    ],
)
def test_create(error: Exception, found: Reply | None, repeated: bool | None) -> None:
    """What is there after a lost reply, or exists already, is what was made; else it is made."""
    aws = Canned(iam__create_role=[error, {"made": 2}] if repeated else error)

    def create() -> Any:
        return aws.create("iam", "create_role", look=lambda: found, RoleName="x")

    if repeated is None:
        with pytest.raises(AwsError):
            create()
        assert len(aws.sent) == 1
    else:
        assert create() == ({"made": 2} if repeated else found)
        assert len(aws.sent) == 1 + repeated
    assert aws.sent[0][1] == {"RoleName": "x"}


def test_a_new_role_is_waited_for_only_if_it_is_new() -> None:
    """ "Cannot be assumed" passes within a minute of the role's creation."""
    error = refused("InvalidParameterValueException", "The role cannot be assumed by Lambda.")
    for fresh, attempts in ((True, 2), (False, 1)):
        aws = Canned(x__put_y=[error, {"made": 1}])
        try:
            made: Any = aws.create("x", "put_y", look=lambda: None, fresh_role=fresh)
        except AwsError:
            made = None
        assert (made is not None) is fresh
        assert len(aws.sent) == attempts


@pytest.mark.parametrize(
    ("service", "ask", "told"),
    [
        ("lambda", "Marker", "NextMarker"),
        ("iam", "Marker", "Marker"),
        ("elbv2", "Marker", "NextMarker"),
        ("ecr", "nextToken", "nextToken"),
        ("logs", "nextToken", "nextToken"),
        ("resourcegroupstaggingapi", "PaginationToken", "PaginationToken"),
        ("sns", "NextToken", "NextToken"),
        ("events", "NextToken", "NextToken"),
    ],
)
def test_pages(service: str, ask: str, told: str) -> None:
    """Each page names the next in the service's own word."""
    aws = Canned()
    aws.replies[f"{service}:list_things"] = [{"Things": [1, 2], told: "more"}, {"Things": [3]}]
    assert [*aws.pages(service, "list_things", "Things", Of="x")] == [1, 2, 3]
    assert [sent for _, sent in aws.sent] == [{"Of": "x"}, {"Of": "x", ask: "more"}]
    assert [*aws.pages(service, "list_others", "Others")] == []


def test_wait() -> None:
    """It is polled ever slower, and ends with the reason and what to do."""
    aws = Canned()
    told: list[str] = []
    aws.retry.note = told.append
    states = iter(["Pending", "Pending", None])
    aws.retry.wait(lambda: next(states), "function x", 600)
    assert told == ["waiting for function x: Pending"] * 2
    assert aws.now == pytest.approx(0.75 * 0.25 + 0.75 * 0.375)
    before = aws.now
    with pytest.raises(
        DeployError, match=r"x is still not ready after 60 seconds \(busy\): deploy"
    ):
        aws.retry.wait(lambda: "busy", "x", 60)
    assert 60 < aws.now - before < 65


class Asked(Aws):
    """An AWS of one account that remembers what was asked."""

    def send(self, service: str, operation: str, parameters: Reply) -> Reply:
        self.__dict__.setdefault("sent", []).append(operation)
        return {"Account": "123456789012"}


def test_the_account_is_a_guard() -> None:
    """STS is asked before the first change, and credentials of another account change nothing."""
    aws = Asked("eu-central-1", account="123456789012")
    aws.call("lambda", "list_functions")
    aws.call("lambda", "delete_function", FunctionName="orders")
    aws.call("lambda", "delete_function", FunctionName="orders")
    once = ["list_functions", "get_caller_identity", "delete_function", "delete_function"]
    assert aws.__dict__["sent"] == once
    other = Asked("eu-central-1", account="210987654321")
    for change in ("delete_function", "put_rule", "tag_resource", "invoke"):
        with pytest.raises(DeployError, match="account 123456789012, and AWS_ACCOUNT is 210987654"):
            other.call("any", change)
    assert set(other.__dict__["sent"]) == {"get_caller_identity"}


def test_there_is_no_region_by_default(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """That of the profile counts last; without one, the message says where to set it."""
    config = tmp_path / "config"
    config.write_text("[default]\n[profile far]\nregion = sa-east-1\n")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(config))
    for name in ("AWS_DEFAULT_REGION", "AWS_REGION", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    assert Aws(profile="far").region == "sa-east-1"
    assert Aws("eu-west-1", "far").region == "eu-west-1"
    with pytest.raises(DeployError, match=r"no region is set, .*profile default.*give --region"):
        _ = Aws().region


@pytest.mark.parametrize("body", [b"<html><style>x</style><p>Access denied</p></html>", b""])
@pytest.mark.parametrize("status", [200, 403, 404, 502])
@pytest.mark.parametrize(
    ("service", "operation", "asked"),
    [("lambda", "get_function", {"FunctionName": "x"}), ("sts", "get_caller_identity", {}),
     ("ecr", "describe_repositories", {}), ("iam", "get_role", {"RoleName": "x"})],
)  # fmt: skip
def test_an_answer_of_a_proxy(
    service: str,
    operation: str,
    asked: dict[str, str],
    status: int,
    body: bytes,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A page or nothing is one line that says what to do, and never "there is no such thing"."""
    if status == 200 and not body:
        pytest.skip("botocore takes it for an answer without fields")

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.rfile.read(int(self.headers.get("Content-Length", 0)))
            self.send_response(status)
            self.send_header("Content-Type", "text/html")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        do_POST = do_GET  # noqa: N815

        def log_message(self, *_: object) -> None:
            pass

    times: list[float] = []
    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=[0.02])
        thread.start()
        for name, value in {
            "AWS_ENDPOINT_URL": f"http://127.0.0.1:{server.server_address[1]}",
            "AWS_ACCESS_KEY_ID": "x",
            "AWS_SECRET_ACCESS_KEY": "x",
        }.items():
            monkeypatch.setenv(name, value)
        try:
            aws = Aws(REGION, retry=Retry(times.append, lambda: sum(times)))
            with pytest.raises(DeployError) as caught:
                aws.find(service, operation, **asked)
        finally:
            server.shutdown()
            thread.join()
    said = str(caught.value)
    assert "the answer does not come from AWS: " in said
    assert "HTTPS_PROXY" in said
    assert "<" not in said
    assert "\n" not in said
