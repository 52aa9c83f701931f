"""The report of what was found wrong with data."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any, final

from asrtrain.data.complaints import KINDS, Complaint, Severity, listing, raise_any
from asrtrain.types import Utterance


@final
@dataclass(frozen=True, slots=True)
class Report:
    """What was found in ``utterances``, the usable ones; complaints may also be about lines that gave none."""

    name: str
    utterances: tuple[Utterance, ...]
    complaints: tuple[Complaint, ...]

    @property
    def errors(self) -> list[Complaint]:
        """The complaints for which utterances would be dropped."""
        return self.of("error")

    @property
    def ok(self) -> bool:
        """No errors; there may be warnings."""
        return not self.errors

    def of(self, severity: Severity) -> list[Complaint]:
        """The complaints of one severity."""
        return [complaint for complaint in self.complaints if complaint.severity == severity]

    def raise_errors(self, tolerated: Collection[str] = ()) -> None:
        """Raise one DataError with all errors but those of ``tolerated`` kinds, if there are any."""
        raise_any([complaint for complaint in self.errors if complaint.kind not in tolerated])

    def to_text(self, most: int = 20) -> str:
        """For reading: a summary, and under each kind its first ``most`` complaints."""
        return "\n".join([self._summary(), *(self._section(kind, most) for kind in self._counts())])

    def to_json(self) -> dict[str, Any]:
        """For programs: counts by kind, and every complaint."""
        return {
            "name": self.name,
            "ok": self.ok,
            "utterances": len(self.utterances),
            "counts": self._counts(),
            "complaints": [complaint_to_json(complaint) for complaint in self.complaints],
        }

    def _counts(self) -> dict[str, int]:
        kinds = [complaint.kind for complaint in self.complaints]
        return {kind: kinds.count(kind) for kind in KINDS if kind in kinds}

    def _summary(self) -> str:
        seconds = [utterance.duration for utterance in self.utterances if utterance.duration is not None]
        # The cheap validation opens no recording, so it may not know how long they are.
        hours = f" ({sum(seconds) / 3600:.2f} h)" if len(seconds) == len(self.utterances) else ""
        numbers = ((len(self.of(severity)), severity) for severity in ("error", "warning", "notice"))
        found = ", ".join(f"{count} {severity}{'s' * (count != 1)}" for count, severity in numbers)
        return f"{self.name}: {len(self.utterances)} usable utterances{hours}; {found}"

    def _section(self, kind: str, most: int) -> str:
        lines = [f"  {complaint}" for complaint in self.complaints if complaint.kind == kind]
        return f"{KINDS[kind].severity}: {KINDS[kind].title} ({len(lines)})\n{listing(lines, most)}"


def complaint_to_json(complaint: Complaint) -> dict[str, Any]:
    """A complaint as plain values."""
    source = complaint.source
    return {
        "kind": complaint.kind,
        "severity": complaint.severity,
        "id": complaint.utterance or None,
        "file": str(source.file) if source else None,
        "line": source.line if source else None,
        "message": complaint.message,
    }
