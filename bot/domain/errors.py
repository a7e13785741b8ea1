"""An error of Chaosbot: one sentence for a person, and what would mend it.

Everything that SDKs raise is translated at the edge into this tree; nothing else reaches a user.

    ChaosError
    ├── CommandError        words that make no command; names the word
    ├── SettingsError       environment or .env that cannot be used
    ├── Refused             a guard said no, or could not get its answer; nothing was harmed
    ├── Undecidable         an approval, abort or restore that cannot be decided (any more)
    │   └── NotAllowed      by this user; says who may
    ├── ClusterError        the cluster could not be asked
    │   ├── Unreachable     no answer, or not in time
    │   └── BadAnswer       an answer that makes no sense
    ├── FaultError          a node could not be harmed or put right
    │   ├── Unsupported     this backend cannot inject this fault
    │   ├── InjectionFailed the fault is not, or not wholly, in place
    │   └── RollbackFailed  the node is still broken: the loudest error there is
    ├── LoadError           the load could not be started or died
    ├── DiagnosisError      the model gave no usable diagnosis
    └── JournalError        the journal cannot be read or written
"""

from __future__ import annotations


class ChaosError(Exception):
    """A sentence for a person (`str(error)`) and, in `mend`, what to do about it ("" if unknown)."""

    def __init__(self, sentence: str, *, mend: str = "") -> None:
        super().__init__(sentence)
        self.mend = mend

    @property
    def whole(self) -> str:
        """The sentence and its remedy, as one text."""
        return f"{self} {self.mend}".strip()


class CommandError(ChaosError):
    """Words that make no command; `word` is the one that is wrong, "" if none is."""

    def __init__(self, sentence: str, *, word: str = "", mend: str = "") -> None:
        super().__init__(sentence, mend=mend)
        self.word = word


class SettingsError(ChaosError):
    """Environment or `.env` that cannot be used."""


class Refused(ChaosError):  # noqa: N818 - a refusal is an outcome, and its word in the thread
    """A guard said no, or could not get its answer; nothing was harmed."""


class Undecidable(ChaosError):  # noqa: N818 - said of a decision, not of a defect
    """An approval, abort or restore that cannot be decided, or not any more."""


class NotAllowed(Undecidable):
    """`user` may not decide; `approvers` (user ids, at least one) may."""

    def __init__(self, user: str, approvers: tuple[str, ...]) -> None:
        super().__init__(f"{user} may not decide this.", mend=f"{', '.join(approvers)} may.")
        self.user = user
        self.approvers = approvers


class ClusterError(ChaosError):
    """The cluster could not be asked."""


class Unreachable(ClusterError):  # noqa: N818 - reads as the sentence it makes
    """No answer, or not in time."""


class BadAnswer(ClusterError):  # noqa: N818 - reads as the sentence it makes
    """An answer that makes no sense."""


class FaultError(ChaosError):
    """A node could not be harmed or put right."""


class Unsupported(FaultError):  # noqa: N818 - reads as the sentence it makes
    """This backend cannot inject this fault."""


class InjectionFailed(FaultError):  # noqa: N818 - an event's name too
    """The fault is not, or not wholly, in place."""


class RollbackFailed(FaultError):  # noqa: N818 - an event's name too
    """The node is still broken: the loudest error there is. `mend` is the command to run by hand."""


class LoadError(ChaosError):
    """The load could not be started, or died."""


class DiagnosisError(ChaosError):
    """The model gave no usable diagnosis."""


class JournalError(ChaosError):
    """The journal cannot be read or written."""
