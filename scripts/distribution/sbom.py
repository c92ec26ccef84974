"""The bill of materials, as CycloneDX 1.5 has it: https://cyclonedx.org/docs/1.5/json/"""
from __future__ import annotations

import json
import uuid
from datetime import datetime, timezone
from pathlib import Path

from .components import Component


def write_document(target: Path, version: str, time: int, parts: list[Component]) -> Path:
    """Its number and its time are made of the version, the parts and the commit: the same binary has the same document."""
    content = [entry(part) for part in parts]
    root = {"type": "application", "bom-ref": f"rollcall@{version}", "name": "rollcall", "version": version}
    number = uuid.uuid5(uuid.NAMESPACE_URL, json.dumps([root, content, time], sort_keys=True))
    document = {
        "$schema": "http://cyclonedx.org/schema/bom-1.5.schema.json",
        "bomFormat": "CycloneDX",
        "specVersion": "1.5",
        "serialNumber": f"urn:uuid:{number}",
        "version": 1,
        "metadata": {
            "timestamp": datetime.fromtimestamp(time, timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ"),
            "component": root,
        },
        "components": content,
        "dependencies": [{"ref": root["bom-ref"], "dependsOn": [each["bom-ref"] for each in content]}],
    }
    target.write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")
    return target


def entry(part: Component) -> dict:
    place = part.location.removeprefix("https://").removesuffix(".git")
    purl = f"pkg:swift/{place}@{part.version}"
    source = {"type": "vcs", "url": part.location}
    if part.revision:
        source["comment"] = f"revision {part.revision}"
    return {
        "type": "library", "bom-ref": purl, "name": part.name, "version": part.version, "scope": "required",
        "licenses": [{"expression": part.licence}], "purl": purl, "externalReferences": [source],
    }
