"""What takes longer than a clerk should wait for an answer: done beside, with how far it has come. Kept in memory only;
a hub that ends forgets it, and nothing is lost but the waiting.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field

KEPT = 4
"""So many results are kept: a sheet of a thousand cards is some megabytes."""

Work = Callable[[Callable[[int], None]], bytes]
"""Makes the result; it tells how far it has come by calling what it is handed."""


class JobFailed(Exception):
    """A piece of work that cannot be done; the text is for the page that waits for it."""


@dataclass
class Job:
    """A piece of work: what for, how much, how far, and what came of it."""

    subject: str
    total: int
    done: int = 0
    result: bytes | None = None
    error: str = ""

    @property
    def is_over(self) -> bool:
        """Tell whether nothing more comes of it."""
        return self.result is not None or bool(self.error)


@dataclass
class Jobs:
    """The newest pieces of work by their keys. Safe to share between threads."""

    _jobs: dict[str, Job] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def start(self, key: str, subject: str, total: int, work: Work) -> str:
        """Begin a piece of work and return its key; while one for the same subject is under way, return that one's."""
        with self._lock:
            for known, job in self._jobs.items():
                if job.subject == subject and not job.is_over:
                    return known
            over = [known for known, job in self._jobs.items() if job.is_over]
            for known in over[: max(0, len(over) - KEPT + 1)]:
                del self._jobs[known]
            job = self._jobs[key] = Job(subject, total)
        threading.Thread(target=_run, args=(job, work), name=f"job {subject}", daemon=True).start()
        return key

    def find(self, key: str) -> Job | None:
        """Return a piece of work, None where it is forgotten."""
        return self._jobs.get(key)


def _run(job: Job, work: Work) -> None:
    """Do the work. Whatever stops it, the page that waits for it says so."""

    def told(done: int) -> None:
        job.done = done

    try:
        job.result = work(told)
    except JobFailed as failed:
        job.error = str(failed)
    finally:
        if not job.is_over:
            job.error = "センターの不具合です。"
