"""The software bill of materials of a wheel: the crates that the extension is made of, as CycloneDX 1.5.

maturin's own has a random number, the time and the folder in it, so that no two builds are equal.
"""

import hashlib
import json
import re
import subprocess
import tomllib
from pathlib import Path
from typing import Any


def _component(package: dict[str, Any], checksums: dict[tuple[str, str], str]) -> dict[str, Any]:
    name, version = package["name"], package["version"]
    purl = f"pkg:cargo/{name}@{version}"
    licence = re.sub(r"\s*/\s*", " OR ", package["license"])
    component = {"type": "library", "bom-ref": purl, "name": name, "version": version, "purl": purl}
    component["licenses"] = [{"expression": licence}]
    if checksum := checksums.get((name, version)):
        component["hashes"] = [{"alg": "SHA-256", "content": checksum}]
    return component


def text(source: Path, target: str) -> str:
    """Return the list of a source folder for one of Rust's targets."""
    command = ["cargo", "metadata", "--format-version", "1", "--locked", "--filter-platform", target]
    metadata = json.loads(subprocess.check_output(command, cwd=source))
    lock = tomllib.loads((source / "Cargo.lock").read_text())
    checksums = {
        (package["name"], package["version"]): package["checksum"]
        for package in lock["package"]
        if "checksum" in package
    }
    by_id = {package["id"]: package for package in metadata["packages"]}
    nodes = {node["id"]: node for node in metadata["resolve"]["nodes"]}
    (core,) = (one for one in by_id if by_id[one]["name"] == "ferrio-core")

    def needs(one: str) -> list[str]:
        """What is linked into a crate; tests and build scripts are not."""
        links = nodes[one]["deps"]
        return [link["pkg"] for link in links if any(kind["kind"] is None for kind in link["dep_kinds"])]

    found, wanted = set(), [core]
    while wanted:
        one = wanted.pop()
        if one not in found:
            found.add(one)
            wanted += needs(one)
    components = {one: _component(by_id[one], checksums) for one in found}

    def sorted_references(ones: list[str]) -> list[str]:
        return sorted(components[one]["bom-ref"] for one in ones)

    document: dict[str, Any] = {
        "bomFormat": "CycloneDX",
        "specVersion": "1.5",
        "version": 1,
        "metadata": {"component": components.pop(core)},
        "components": [components[one] for one in sorted(components)],
    }
    components[core] = document["metadata"]["component"]
    document["components"].sort(key=lambda component: component["bom-ref"])
    document["dependencies"] = sorted(
        ({"ref": components[one]["bom-ref"], "dependsOn": sorted_references(needs(one))} for one in found),
        key=lambda dependency: dependency["ref"],
    )
    # A serial number that follows from the content.
    number = hashlib.sha256(json.dumps(document, sort_keys=True).encode()).hexdigest()
    groups = number[:8], number[8:12], "5" + number[13:16], "8" + number[17:20], number[20:32]
    document["serialNumber"] = "urn:uuid:" + "-".join(groups)
    return json.dumps(document, indent=2) + "\n"
