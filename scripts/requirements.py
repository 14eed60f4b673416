"""What an installation with some extras consists of, by the metadata of what is installed, and its pins.

`constraints.txt` is the closure of the extra `dev`, each distribution at the version that is installed:
`python -m scripts.requirements` (`make constraints`) writes it. Left out: resolving. What is installed was
resolved by pip, and the list says what came of it; it is that of the platform it was written on.
"""

from __future__ import annotations

from importlib.metadata import distribution, version
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parent.parent
DISTRIBUTION = "autoflow-services"
CONSTRAINTS = ROOT / "constraints.txt"
HEADER = """\
# One set of versions in which everything works together; `pip install -c constraints.txt -e '.[dev]'`.
# Exactly the closure of the extra `dev` (tests/packaging proves it), so nothing here is without a use.
"""


def closure(*extras: str) -> set[str]:
    """Returns the canonical names of all distributions that an installation with these extras has.

    Args:
        extras: of AutoFlow; none is the client alone.

    Raises:
        PackageNotFoundError: one of them is not installed here.
    """
    seen: set[tuple[str, frozenset[str]]] = set()
    to_visit = [(DISTRIBUTION, frozenset(extras))]
    while to_visit:
        name, wanted = visiting = to_visit.pop()
        if visiting in seen:
            continue
        seen.add(visiting)
        for line in distribution(name).requires or []:
            requirement = Requirement(line)
            marker = requirement.marker
            if marker is None or any(marker.evaluate({"extra": extra}) for extra in wanted or {""}):
                to_visit.append((canonicalize_name(requirement.name), frozenset(requirement.extras)))
    return {name for name, _ in seen} - {DISTRIBUTION}


def installed(*extras: str) -> dict[str, str]:
    """Returns the versions of `closure`, without the labels of local builds such as `+cpu`."""
    return {name: version(name).partition("+")[0] for name in sorted(closure(*extras))}


def constraints() -> dict[str, str]:
    """Returns the versions that `constraints.txt` states."""
    lines = CONSTRAINTS.read_text().splitlines()
    return dict(line.split("==") for line in lines if not line.startswith("#"))


def main() -> None:
    """Writes `constraints.txt`."""
    pins = "".join(f"{name}=={number}\n" for name, number in installed("dev").items())
    CONSTRAINTS.write_text(HEADER + pins)


if __name__ == "__main__":
    main()
