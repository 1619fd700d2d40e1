"""HTTP APIs of API Gateway, as far as a deployment asks for them: moto's want more libraries."""

import json
import re
from dataclasses import dataclass, field
from typing import Any

_PATH = re.compile(r"/v2/apis(?:/(\w+))?(/integrations)?(?:\?.*)?")


@dataclass
class Apis:
    """The APIs of the account by their ids; one is made with its target."""

    there: dict[str, dict[str, Any]] = field(default_factory=dict)

    def answer(self, verb: str, path: str, body: bytes) -> tuple[int, dict[str, Any]] | None:
        """Return the status and the reply, None of what is no request for an HTTP API."""
        found = _PATH.fullmatch(path)
        if found is None:
            return None
        name, asked = found[1], json.loads(body or b"{}")
        if verb == "POST":
            name = f"api{len(self.there)}{asked['name']}"
            self.there[name] = {**asked, "apiId": name}
            return 201, self.there[name]
        if name is None:
            return 200, {"items": [*self.there.values()]}
        if name not in self.there:
            return 404, {"message": "Invalid API identifier specified"}
        api = self.there[name]
        if found[2]:
            return 200, {"items": [{"integrationUri": api["target"], "integrationId": "i"}]}
        if verb == "DELETE":
            del self.there[name]
            return 204, {}
        api.update(asked)
        return 200, api
