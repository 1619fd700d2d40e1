"""APIs of API Gateway, as far as a deployment asks for them: moto's want more libraries."""

import json
import re
import urllib.parse
from dataclasses import dataclass, field
from typing import Any

_REST = re.compile(r"/restapis(?:/(\w+))?(?:/(stages|deployments)(?:/(\w+))?)?(?:\?.*)?")
_TAGS = re.compile(r"(?:/v2)?/tags/.*?/(rest)?apis/(\w+)(?:\?(.*))?")
_PATH = re.compile(r"/v2/apis(?:/(\w+))?(/integrations)?(?:\?.*)?")


@dataclass
class Apis:
    """The APIs of the account by their ids: HTTP APIs, made with their target, and REST APIs."""

    there: dict[str, dict[str, Any]] = field(default_factory=dict)
    rest: dict[str, dict[str, Any]] = field(default_factory=dict)

    def clear(self) -> None:
        self.there.clear()
        self.rest.clear()

    def answer(self, verb: str, path: str, body: bytes) -> tuple[int, dict[str, Any]] | None:
        """Return the status and the reply, None of what is no request for an HTTP API."""
        if (of_tags := _TAGS.fullmatch(urllib.parse.unquote(path))) is not None:
            return self._tag(verb, of_tags, json.loads(body or b"{}"))
        if (of_rest := _REST.fullmatch(path)) is not None:
            return self._rest(verb, of_rest[1], of_rest[2], of_rest[3], json.loads(body or b"{}"))
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

    def _tag(self, verb: str, place: re.Match[str], asked: Any) -> tuple[int, dict[str, Any]]:
        api = (self.rest if place[1] else self.there)[place[2]]
        tags = api.setdefault("tags", {})
        for key in urllib.parse.parse_qs(place[3] or "").get("tagKeys", ()):
            tags.pop(key, None)
        tags.update(asked.get("tags", {}) if verb != "DELETE" else {})
        return 204, {}

    def _rest(
        self, verb: str, name: str | None, what: str | None, which: str | None, asked: Any
    ) -> tuple[int, dict[str, Any]]:
        if name is None and verb == "POST":
            name = f"rest{len(self.rest)}{asked['name']}"
            self.rest[name] = {**asked, "id": name, "defined": None, "deployments": []}
            return 201, self.rest[name]
        if name is None:
            return 200, {"item": [*self.rest.values()]}
        api = self.rest.get(name)
        if api is None:
            return 404, {"message": "Invalid API identifier specified"}
        if what == "stages" and api["deployments"]:
            return 200, {"deploymentId": str(len(api["deployments"]) - 1)}
        if what == "stages":
            return 404, {"message": "Invalid stage identifier specified"}
        if what == "deployments" and which is not None:
            return 200, api["deployments"][int(which)]
        if what == "deployments":
            # What is deployed is the definition of this moment.
            api["deployments"].append({**asked, "defined": api["defined"]})
            return 201, {"id": str(len(api["deployments"]) - 1)}
        if verb == "PUT":
            api["defined"] = asked
        if verb == "DELETE":
            del self.rest[name]
            return 202, {}
        return 200, api
