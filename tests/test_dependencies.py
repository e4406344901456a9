"""The SBOM and the list of dependencies are those of the lock."""

import importlib.util
import json
from pathlib import Path

ROOT = Path(__file__).parents[1]
SPEC = importlib.util.spec_from_file_location("audit", ROOT / "envs" / "audit.py")
audit = importlib.util.module_from_spec(SPEC)
SPEC.loader.exec_module(audit)


def test_the_sbom_names_what_is_locked():
    document = json.loads(audit.SBOM.read_text(encoding="utf-8"))
    found = {part["name"]: part["version"] for part in document["components"]}
    assert found == audit.locked()
    for part in document["components"]:
        assert part["purl"] == f"pkg:pypi/{part['name']}@{part['version']}"


def test_the_page_names_what_is_locked_and_why_what_is_direct_is_needed():
    rows = [
        [cell.strip() for cell in line.strip("| ").split("|")]
        for line in audit.PAGE.read_text(encoding="utf-8").splitlines()
        if line.startswith("| ")
    ][2:]
    assert {row[0]: row[1] for row in rows} == audit.locked()
    assert {row[0] for row in rows if len(row) > 3 and row[3]} == audit.direct() == set(audit.WHY)
