"""Property tests say whether something holds; how fast a busy machine finds out is no property."""

from __future__ import annotations

from hypothesis import settings

settings.register_profile("chaosbot", deadline=None)
settings.load_profile("chaosbot")
