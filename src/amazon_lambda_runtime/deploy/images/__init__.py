"""Images by digest: a project folder becomes an image in a registry, by one of four engines."""

from .engines import choose
from .model import Built, Engine, ImageError, ImageSpec, Progress, Pushed, Repository
from .persistence import RegistryError
from .registry import Client

__all__ = [
    "Built",
    "Client",
    "Engine",
    "ImageError",
    "ImageSpec",
    "Progress",
    "Pushed",
    "RegistryError",
    "Repository",
    "choose",
]
