"""The packages that a program may ask for: small, in pure Python, with licences that allow it, pinned by `requirements.txt`.

They are read when the component is built, like everything, and then put aside: a program that did not ask for one does not find it, so
what it runs with is what its call says.
"""

import importlib
import importlib.metadata
import sys
from types import ModuleType

from cleargate import Failure

# What is asked for, with the modules that a program may import of it.
PACKAGES = {
    "beautifulsoup4": ["bs4"],
    "more-itertools": ["more_itertools"],
    "mpmath": ["mpmath"],
    "python-dateutil": ["dateutil", "dateutil.parser", "dateutil.relativedelta", "dateutil.rrule", "dateutil.tz", "dateutil.utils"],
    "sortedcontainers": ["sortedcontainers"],
    "tabulate": ["tabulate"],
    "xmltodict": ["xmltodict"],
}
# What those need of each other.
SHARED = ["six", "soupsieve", "typing_extensions"]


def read() -> dict[str, ModuleType]:
    """Reads all packages, and takes them out of what can be imported."""
    tops = {modules[0] for modules in PACKAGES.values()} | set(SHARED)
    for modules in PACKAGES.values():
        for module in modules:
            importlib.import_module(module)
    return {name: sys.modules.pop(name) for name in list(sys.modules) if name.split(".")[0] in tops}


VERSIONS = {package: importlib.metadata.version(package) for package in PACKAGES}
ASIDE = read()
# Names in `sys.modules` that the last call asked for.
lent: set[str] = set()


def lend(packages: list[str]) -> None:
    """Lets a program import these, and no others."""
    for number, package in enumerate(packages):
        if package not in PACKAGES:
            raise Failure("invalid_input", f"/packages/{number}: `{package}` is not among the packages that there are: {listed()}")
    for name in lent:
        sys.modules.pop(name, None)
    lent.clear()
    tops = {PACKAGES[package][0] for package in packages}
    if tops:
        tops.update(SHARED)
        found = {name: module for name, module in ASIDE.items() if name.split(".")[0] in tops}
        sys.modules.update(found)
        lent.update(found)


def listed() -> str:
    return ", ".join(f"{package} {version}" for package, version in VERSIONS.items())


def package_of(top: str) -> str | None:
    """The package that brings a module of this name."""
    return next((package for package, modules in PACKAGES.items() if modules[0] == top), None)
