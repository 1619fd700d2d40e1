"""Web applications: whether the front doors of a function can reach one."""

from collections.abc import Iterator

from amazon_lambda_runtime.project.declaration import Function, Project
from amazon_lambda_runtime.project.handler_names import default_handler
from amazon_lambda_runtime.project.triggers import (
    AlbTrigger,
    HttpApiTrigger,
    RestApiTrigger,
    UrlTrigger,
)

from .finding import Finding


def declared(project: Project) -> Iterator[Finding]:
    """A function that serves requests is known as a web application, and has a front door."""
    for function in project.functions:
        handler = function.handler or default_handler(project.folder, project.module)
        doors: list[UrlTrigger | RestApiTrigger] = [*function.triggers_of(UrlTrigger)]
        doors += function.triggers_of(RestApiTrigger)
        if function.web is None and any(door.streams for door in doors):
            yield Finding(
                "web-unknown",
                f"cannot tell whether {handler} is a web application",
                "its URL or API streams, and the responses of an application are sent whole unless "
                "LAMBDA_RUNTIME_WEB_STREAM says otherwise",
                f"Set web = true, or web = false, for {function.name}.",
            )
        if function.web:
            yield from _doors(function, handler)


def _doors(function: Function, handler: str) -> Iterator[Finding]:
    if any(not each.multi_value_headers for each in function.triggers_of(AlbTrigger)):
        yield Finding(
            "single-value-headers",
            f"{handler} is a web application behind a load balancer without multi-value headers",
            "if a query has a name twice, only the last value arrives, and several cookies in "
            "one response need names that differ in case",
            "Set multi_value_headers = true for that trigger.",
        )
    doors = (AlbTrigger, HttpApiTrigger, RestApiTrigger, UrlTrigger)
    if not any(isinstance(trigger, doors) for trigger in function.triggers):
        yield Finding(
            "no-door",
            f"{handler} is a web application, and {function.name} has no trigger "
            "url, http-api, rest-api or alb",
            "no request reaches it, unless something else that you have made invokes it",
            'Add a trigger with type = "url".',
        )
