"""What all tests of experts share."""

from __future__ import annotations

import pytest

from autoflow.images import ImageLimits
from autoflow_experts.classic import classic_experts
from autoflow_experts.classic.seeing.eye import Eye
from tests.experts.tools import Tools


@pytest.fixture(scope="session")
def tools() -> Tools:
    """The experts without weights; they draw what they compare with once."""
    return Tools(classic_experts(ImageLimits(), Eye()))
