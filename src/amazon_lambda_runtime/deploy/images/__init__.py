"""Images by digest: a project folder becomes an image in a registry, by one of four engines."""

from .dockerfile import written
from .engines import choose, unused
from .model import Built, Engine, ImageError, ImageSpec, Meter, Pushed, Repository
from .own_wheel import requirement as own_runtime
from .registry.client import Client
from .registry.persistence import RegistryError

__all__ = [
    "Built",
    "Client",
    "Engine",
    "ImageError",
    "ImageSpec",
    "Meter",
    "Pushed",
    "RegistryError",
    "Repository",
    "choose",
    "own_runtime",
    "unused",
    "written",
]
