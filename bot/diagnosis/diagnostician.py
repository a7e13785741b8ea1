"""The diagnostician: gathers evidence, asks Claude where there is one, and else the rules.

It never sees what was injected; neither do the two that it asks.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Protocol

from bot.diagnosis.gather import Gatherer
from bot.diagnosis.rules import diagnose_by_rules
from bot.domain.diagnosis import Diagnosis
from bot.domain.errors import DiagnosisError
from bot.domain.evidence import Evidence
from bot.engine.ports import Clock, FaultBackend, Metrics, MetricsHistory, Scene


class Model(Protocol):
    """A model that diagnoses; `Claude` is one."""

    async def diagnose(
        self, evidence: Sequence[Evidence], components: Collection[str]
    ) -> Diagnosis:
        """Its diagnosis. Raises DiagnosisError."""


class Blind:
    """Implements `engine.ports.Diagnostician`.

    `model` is None where there is none, and `why_no_model` then says why, as it is shown ("no
    Claude key is set"). `history` is None where no Prometheus is set. `heartbeat` is the interval,
    in seconds, in which stores report to PD; `limit` how many seconds the logs and metrics of all
    nodes may take.
    """

    def __init__(  # noqa: PLR0913 - the parts that it is made of, by name
        self,
        backend: FaultBackend,
        metrics: Metrics | None,
        model: Model | None,
        why_no_model: str,
        clock: Clock,
        *,
        history: MetricsHistory | None = None,
        heartbeat: float = 10.0,
        limit: float = 5.0,
    ) -> None:
        self._gatherer = Gatherer(backend, metrics, history, heartbeat=heartbeat, limit=limit)
        self._model = model
        self._why_no_model = why_no_model
        self._clock = clock

    async def gather(self, scene: Scene) -> tuple[Evidence, ...]:
        """Evidence from the scene and from the nodes' logs and metrics. Never raises."""
        return await self._gatherer.gather(scene, self._clock.now())

    async def diagnose(
        self, evidence: Sequence[Evidence], components: Collection[str]
    ) -> Diagnosis:
        """Claude's diagnosis; the rules' where there is none, with the reason. Never raises."""
        if self._model is None:
            why = self._why_no_model
        else:
            try:
                return await self._model.diagnose(evidence, components)
            except DiagnosisError as error:
                why = str(error)
        return diagnose_by_rules(evidence, components).model_copy(update={"why": why})
