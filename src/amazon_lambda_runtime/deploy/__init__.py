"""From a project folder to a live function: image, registry, role, function, triggers."""
