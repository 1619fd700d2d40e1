"""The pytest plugin: fixtures for the tests of functions.

Every run of pytest loads it where the package is installed, so it imports nothing else before a
fixture is used.
"""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

    from amazon_lambda_runtime.core.context import Context
    from amazon_lambda_runtime.testing import LocalProject


@pytest.fixture
def make_context() -> "Callable[..., Context]":
    """The function `amazon_lambda_runtime.testing.make_context`."""
    from amazon_lambda_runtime import testing

    return testing.make_context


@pytest.fixture
def lambda_context(make_context: "Callable[..., Context]") -> "Context":
    """A Context as Lambda gives it, with three seconds left."""
    return make_context()


@pytest.fixture
def sample_event() -> Callable[..., dict[str, Any]]:
    """The function `amazon_lambda_runtime.testing.sample_event`."""
    from amazon_lambda_runtime import testing

    return testing.sample_event


@pytest.fixture
def invoke() -> Callable[..., Any]:
    """The function `amazon_lambda_runtime.testing.invoke`."""
    from amazon_lambda_runtime import testing

    return testing.invoke


@pytest.fixture(scope="session")
def local_project(request: pytest.FixtureRequest) -> "Iterator[LocalProject]":
    """The project of the folder that pytest's rootdir is, running: its functions and triggers."""
    from amazon_lambda_runtime import testing

    with testing.LocalProject(request.config.rootpath) as project:
        yield project


@pytest.fixture
def durable_runner() -> Iterator[Callable[..., Any]]:
    """The function `amazon_lambda_runtime.testing.durable_runner`; closes its runners."""
    from amazon_lambda_runtime import testing

    with ExitStack() as opened:

        def open_runner(handler: Any, **options: Any) -> Any:
            return opened.enter_context(testing.durable_runner(handler, **options))

        yield open_runner
