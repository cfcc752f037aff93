"""Writes the JSON schema of manifest.json from the code: python -m scripts.manifest_schema"""

import json
from typing import Any, Final

import msgspec

from aod.bundles.manifest import SCHEMA_VERSION, Manifest
from scripts.vm.tools import REPO

TARGET: Final = REPO / "aod" / "bundles" / "manifest.schema.json"
_DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"


def schema() -> dict[str, Any]:
    """The JSON schema of a manifest as this version writes it: nothing is left out."""
    made = msgspec.json.schema(Manifest)
    for definition in made["$defs"].values():
        if "properties" in definition:
            definition["required"] = list(definition["properties"])
            for described in definition["properties"].values():
                described.pop("default", None)
    made["$defs"]["Manifest"]["properties"]["schema_version"] = {"const": SCHEMA_VERSION}
    return {"$schema": _DIALECT, "title": "manifest.json of an AODv2 bundle", **made}


def text() -> str:
    """What the file holds."""
    return json.dumps(schema(), indent=2) + "\n"


if __name__ == "__main__":
    TARGET.write_text(text())
