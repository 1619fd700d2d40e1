"""An empty account for each page that is run."""

from tests.deploy.conftest import stand_in, world

__all__ = ["stand_in", "world"]
