"""Bench: Chaosbot's figures, each measured against its limit. `python -m bench` prints them."""
