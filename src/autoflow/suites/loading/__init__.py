"""Loads suites with their data from folders: one's own, and OpenAGI's published one."""

from __future__ import annotations

from autoflow.suites.loading.files import Limits
from autoflow.suites.loading.openagi import Shares, load_openagi
from autoflow.suites.loading.own import load_own

__all__ = ["Limits", "Shares", "load_openagi", "load_own"]
