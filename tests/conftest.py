"""What holds for every test: no time limits on single examples, and no silent skip on CI."""

from __future__ import annotations

import os

import pytest
from hypothesis import HealthCheck, settings

NEEDED_ON_CI = ("browser", "docker", "prometheus")  # markers

settings.register_profile(
    "chaosbot",
    deadline=None,  # machines are noisy; speed is measured in bench/
    suppress_health_check=[HealthCheck.too_slow],
    print_blob=True,
)
settings.load_profile("chaosbot")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item):
    """On CI a test that needs one of these, and does not find it, has failed."""
    report = yield
    needed = any(item.get_closest_marker(name) for name in NEEDED_ON_CI)
    if os.environ.get("CI") and report.skipped and needed:
        report.outcome = "failed"
        report.longrepr = f"skipped on CI: {report.longrepr}"
    return report
