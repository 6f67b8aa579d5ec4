"""Checks manifests against their schemas, strictly. Runs in the environment of requirements/deploy.txt.

Standard input: ``{"version": "1.34", "manifests": [...], "schemas": {"kind": {...}}}``, the latter for kinds
that are not Kubernetes' own. Standard output: a JSON array of what is wrong, in words.
"""

import json
import sys
from collections.abc import Iterator
from importlib import import_module
from typing import Any


def faults(manifest: dict[str, Any], version: str, schemas: dict[str, Any]) -> Iterator[str]:
    where = f"{manifest['kind']} {manifest['metadata']['name']}"
    if own := schemas.get(manifest["kind"]):
        validator = import_module("jsonschema").Draft202012Validator(strict(own))
        yield from (
            f"{where}: {error.json_path}: {error.message}" for error in validator.iter_errors(manifest)
        )
        return
    kubernetes = import_module("kubernetes_validate")
    try:
        kubernetes.validate(manifest, version, strict=True)
    except (kubernetes.ValidationError, kubernetes.SchemaNotFoundError) as error:
        yield f"{where}: {getattr(error, 'message', error)}"


def strict(schema: Any) -> Any:
    """Have it refuse what it does not know, as the strict schemas of Kubernetes' own kinds do."""
    if isinstance(schema, list):
        return [strict(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    made = {key: strict(value) for key, value in schema.items()}
    is_object = isinstance(schema.get("properties"), dict) and schema.get("type") == "object"
    if is_object and not schema.get("x-kubernetes-preserve-unknown-fields"):
        made.setdefault("additionalProperties", False)
    return made


if __name__ == "__main__":
    asked = json.load(sys.stdin)
    found = [
        fault for each in asked["manifests"] for fault in faults(each, asked["version"], asked["schemas"])
    ]
    json.dump(found, sys.stdout)
