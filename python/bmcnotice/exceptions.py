"""What calls raise. Written in Python, raised from Rust: a class made in Rust cannot be pickled, documented or
subclassed as simply. What the operating system refuses is an OSError, with its errno."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .values import Finding

__all__ = ["BrokenError", "BusyError", "ConfigError", "Error", "ForkError", "StaleError"]


class Error(Exception):
    """Any refusal of the library; the text says which."""


class ConfigError(Error):
    """The configuration has errors; `findings` is everything that was found, warnings included."""

    def __init__(self, findings: Iterable[Finding] = ()) -> None:
        self.findings: tuple[Finding, ...] = tuple(findings)
        super().__init__(self.findings)

    def __str__(self) -> str:
        return "\n".join(str(finding) for finding in self.findings)


class BusyError(Error):
    """A dispatch is running on this context: you are inside a callback, or on another thread."""


class ForkError(Error):
    """The context belongs to the parent of this process."""


class StaleError(Error):
    """The recovery of this token or record is over: completed already, beyond its deadline, or never there."""


class BrokenError(Error):
    """An internal error could not be repaired. Close the context and make another."""
