"""Chaosbot: chaos engineering for TiKV, run by a team from Slack."""
