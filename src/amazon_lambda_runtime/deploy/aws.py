"""Requests to AWS: the only file of the room that imports boto3.

Every request goes through `Aws.call`, which repeats what may pass and turns the rest into an error
of one line. A request that creates something goes through `Aws.create`, which looks before it asks
again: the reply to the first may have been lost.
"""

import re
import textwrap
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cached_property
from typing import Any

import boto3
from botocore import exceptions
from botocore.config import Config
from botocore.parsers import ResponseParserError

from amazon_lambda_runtime.project.declaration import Project

from .errors import AwsError, DeployError, LostReply
from .reading import SharedReads
from .retry import Retry

Reply = dict[str, Any]

_HINTS = (
    (r"AccessDenied\w*|UnauthorizedOperation|\w*AuthorizationError\w*|403", "allow the deployer "
     "this action; `lambda-runtime permissions` prints all that a deployment needs"),
    (r"ExpiredToken\w*|RequestExpired", "sign in to AWS again: the credentials have expired"),
    (r"InvalidClientTokenId|UnrecognizedClientException|SignatureDoesNotMatch|AuthFailure",
     "check the credentials and the profile (AWS_PROFILE, --profile)"),
)  # fmt: skip

# AWS says so of a role that is new, and of one that the deployer may not pass.
_ASSUMED = "check the role's trust policy, and that the deployer has iam:PassRole on the role"
_PROXY = "does a proxy answer (HTTPS_PROXY, NO_PROXY)?"

# How the operations begin that change nothing.
_READS = ("get_", "list_", "describe_", "batch_get_", "batch_check_", "simulate_", "filter_")


class Aws:
    """The services of one account and region. Nothing is called before it is needed."""

    _shared: SharedReads | None = None
    _making = threading.Lock()

    def __init__(
        self,
        region: str | None = None,
        profile: str | None = None,
        account: str | None = None,
        retry: Retry | None = None,
    ) -> None:
        self.retry = retry or Retry()
        self._clients: dict[str, Any] = {}
        self._account = account
        try:
            # The profile "default" need not be in any file.
            named = None if profile in (None, "", "default") else profile
            self._session = boto3.Session(profile_name=named, region_name=region or None)
        except exceptions.BotoCoreError as error:
            raise DeployError(f"cannot use the profile {profile}: {error}") from None
        self.profile = str(self._session.profile_name)

    @classmethod
    def of(cls, project: Project, retry: Retry | None = None) -> "Aws":
        """Return the account and region that a project names."""
        return cls(project.region, project.profile, project.account, retry)

    @cached_property
    def region(self) -> str:
        """The region: the one that was given, else the profile's. Raises DeployError if none is."""
        known = self._session.region_name
        if not known:
            raise DeployError(
                f"no region is set, and the profile {self.profile} has none: give --region, set "
                "REGION, or write `region` into pyproject.toml"
            )
        return str(known)

    @cached_property
    def account(self) -> str:
        """The account's twelve digits, as STS has them.

        Raises DeployError if the project names another one (AWS_ACCOUNT, `account`).
        """
        account = str(self.call("sts", "get_caller_identity")["Account"])
        if self._account not in (None, account):
            raise DeployError(
                f"the credentials (profile {self.profile}) belong to account {account}, "
                f"and AWS_ACCOUNT is {self._account}: choose its profile (AWS_PROFILE, "
                "--profile), or change AWS_ACCOUNT or `account` in pyproject.toml"
            )
        return account

    @cached_property
    def partition(self) -> str:
        """Return aws, aws-cn or aws-us-gov: the second part of every ARN here."""
        return str(self._session.get_partition_for_region(self.region))

    def arn(self, service: str, resource: str, *, region: bool = True) -> str:
        """Return the ARN of a resource of this account."""
        place = self.region if region else ""
        return f"arn:{self.partition}:{service}:{place}:{self.account}:{resource}"

    def send(self, service: str, operation: str, parameters: Reply) -> Reply:
        """Send one request, once. Tests override this."""
        reply: Reply = getattr(self._client(service), operation)(**parameters)
        return reply

    def _client(self, service: str) -> Any:
        # Clients serve many threads, and a session makes them in one.
        with self._making:
            if service not in self._clients:
                # `Retry` repeats requests, and botocore must not.
                self._clients[service] = self._session.client(
                    service,  # type: ignore[call-overload]
                    region_name=self.region,
                    config=Config(
                        retries={"total_max_attempts": 1}, connect_timeout=10, read_timeout=910
                    ),
                )
                self._clients[service].meta.events.register("before-parse", _refuse_page)
            return self._clients[service]

    @contextmanager
    def sharing(self) -> Iterator[None]:
        """Ask each question once within this block, in which nothing is changed."""
        before, self._shared = self._shared, self._shared or SharedReads()
        try:
            yield
        finally:
            self._shared = before

    @property
    def shares(self) -> bool:
        """Whether answers are shared now: then one list of all beats a question for each."""
        return self._shared is not None

    def call(self, service: str, operation: str, *, again: bool = True, **parameters: Any) -> Reply:
        """Return AWS's reply. Raises AwsError, after the retries that its reason is worth.

        `again` says that the request may be repeated when its reply is lost; if not, LostReply.
        """

        if self._account is not None and not operation.startswith(_READS):
            # The guard: no change before STS has said whose credentials these are.
            _ = self.account

        def attempt() -> Reply:
            try:
                return self.send(service, operation, parameters)
            except Exception as error:
                raise _translated(service, operation, error) from error

        if self._shared is not None and operation.startswith(_READS):
            question = f"{service}:{operation} {sorted(parameters.items())}"
            return self._shared.ask(question, lambda: self.retry.call(attempt, again=again))
        return self.retry.call(attempt, again=again)

    def find(self, service: str, operation: str, **parameters: Any) -> Reply | None:
        """Return AWS's reply, None if there is no such thing."""
        try:
            return self.call(service, operation, **parameters)
        except AwsError as error:
            if error.not_found:
                return None
            raise

    def pages(self, service: str, operation: str, key: str, **parameters: Any) -> Iterator[Any]:
        """Yield what is under `key` in every page of a reply."""
        # Each service has its own word for the next page, in the request and in the reply.
        words = {
            "lambda": ("Marker", "NextMarker"),
            "iam": ("Marker", "Marker"),
            "elbv2": ("Marker", "NextMarker"),
            "ecr": ("nextToken", "nextToken"),
            "logs": ("nextToken", "nextToken"),
            "apigateway": ("position", "position"),
            "resourcegroupstaggingapi": ("PaginationToken", "PaginationToken"),
        }
        ask, told = words.get(service, ("NextToken", "NextToken"))
        while True:
            page = self.find(service, operation, **parameters)
            if page is None:
                return
            yield from page.get(key) or ()
            if not page.get(told):
                return
            parameters[ask] = page[told]

    def remove(self, service: str, operation: str, **parameters: Any) -> None:
        """Delete something. If it is gone already, that is success."""
        self.find(service, operation, **parameters)

    def create(
        self,
        service: str,
        operation: str,
        *,
        look: Callable[[], Reply | None],
        fresh_role: bool = False,
        **parameters: Any,
    ) -> Reply:
        """Create something once. What `look` finds after a lost reply is what was created.

        `look` returns it, None if it is not there, and raises DeployError if it belongs
        to another project. `fresh_role` says that the role was created within the last minute:
        Lambda may not know it yet.
        """

        def attempt() -> Reply:
            try:
                return self.call(service, operation, again=False, **parameters)
            except AwsError as error:
                if not (error.exists or isinstance(error, LostReply)):
                    raise
                found = look()
                if found is None:
                    raise
                return found

        return self.retry.call(attempt, again=True, fresh_role=fresh_role)


def _refuse_page(response_dict: Reply, **_: Any) -> None:
    """Raise ResponseParserError for a page of HTML, which botocore may take for an empty reply."""
    body = response_dict.get("body")
    if isinstance(body, bytes) and response_dict["status_code"] < 300:
        start = body[:100].lstrip().lower()
        if start.startswith((b"<html", b"<!doctype html")):
            raise ResponseParserError(body[:1000].decode(errors="replace"))


def _translated(service: str, operation: str, error: Exception) -> BaseException:
    """Return the error as one line, in the words of IAM: lambda:CreateFunction."""
    name = f"{service}:{''.join(word.capitalize() for word in operation.split('_'))}"
    if isinstance(error, exceptions.ClientError):
        return _refusal(name, error)
    return next(
        (translate(name, error) for kind, translate in _FAILURES if isinstance(error, kind)), error
    )


def _text(said: object) -> str:
    """Return what is said without the tags of a page that it quotes."""
    return re.sub(r"(?s)\\[nrt]|<(style|script).*?</\1>|<[^>]*>", " ", str(said))


def _refusal(name: str, error: exceptions.ClientError) -> AwsError:
    code = str(error.response.get("Error", {}).get("Code", "Unknown"))
    text = str(error.response.get("Error", {}).get("Message", ""))
    status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 400)
    # S3 answers to HEAD with a status alone; whoever else tells no code is no service of AWS.
    if "<html" in text.lower() or (
        (code.isdecimal() or code == "Unknown") and not name.startswith("s3:")
    ):
        kind = LostReply if status >= 500 else AwsError
        shown = textwrap.shorten(_text(text), 160)
        said = f"HTTP {status}, and the answer does not come from AWS: {shown}"
        return kind(name, "NotAws", said, _PROXY)
    if status >= 500 and status != 501:
        return LostReply(name, code, text)
    return AwsError(name, code, text, _ASSUMED if "cannot be assumed" in text else _hint(code))


def _wrong(name: str, error: Exception) -> DeployError:
    return DeployError(f"{name}: {' '.join(str(error).split())}")


def _not_aws(name: str, error: Exception) -> AwsError:
    text = f"the answer does not come from AWS: {textwrap.shorten(_text(error), 160)}"
    return LostReply(name, "NotAws", text, _PROXY)


# What happened to a request that AWS did not refuse. The first class that fits decides: those of
# botocore overlap.
_FAILURES: tuple[tuple[type[Exception], Callable[[str, Exception], DeployError]], ...] = (
    (
        exceptions.EndpointConnectionError,
        lambda name, error: AwsError(
            name, "Unreachable", str(error), "check the network, and the region"
        ),
    ),
    (
        exceptions.NoCredentialsError,
        lambda name, error: DeployError(
            f"{name}: there are no AWS credentials: run `aws configure`, or use --profile"
        ),
    ),
    (
        exceptions.PartialCredentialsError,
        lambda name, error: DeployError(
            f"{name}: the AWS credentials are incomplete ({error}): run `aws configure`"
        ),
    ),
    (
        exceptions.HTTPClientError,
        lambda name, error: LostReply(name, type(error).__name__, str(error)),
    ),
    (
        exceptions.ConnectionError,
        lambda name, error: LostReply(name, type(error).__name__, str(error)),
    ),
    (ResponseParserError, _not_aws),
    (KeyError, _not_aws),  # botocore's, of a page where it looked for a result
    (exceptions.BotoCoreError, _wrong),
)


def _hint(code: str) -> str:
    return next((hint for pattern, hint in _HINTS if re.fullmatch(pattern, code)), "")
