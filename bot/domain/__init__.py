"""What chaos engineering is about, as types and pure functions: no I/O, no clock, no SDK."""
