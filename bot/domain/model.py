"""The base of every domain value: frozen, strict about unknown fields; and its instants."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated

from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, PlainSerializer


class Value(BaseModel):
    """A value: equal by its fields, never changed, written to JSON and read back unchanged."""

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        ser_json_inf_nan="null",
        json_schema_serialization_defaults_required=True,  # null, never missing
    )


def _to_milliseconds(moment: datetime) -> datetime:
    utc = moment.astimezone(UTC)
    return utc.replace(microsecond=utc.microsecond // 1000 * 1000)


def iso(moment: datetime) -> str:
    """UTC ISO 8601 with milliseconds: "2026-11-22T12:33:30.102Z"."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


# A moment in UTC, to the millisecond; naive datetimes are refused.
Instant = Annotated[
    AwareDatetime,
    AfterValidator(_to_milliseconds),
    PlainSerializer(iso, return_type=str, when_used="json"),
]
# A duration in seconds, to the millisecond.
Seconds = Annotated[float, AfterValidator(lambda s: round(s, 3))]
