"""What `Factory.check` proves of waves: their rows, their history, and that what is served follows from them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from groundswell.factory.waves.repository import nobody

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from groundswell.factory.trust.publisher import Publisher
    from groundswell.factory.waves.history import RolloutHistory
    from groundswell.factory.waves.repository import WaveRepository
    from groundswell.factory.waves.serving import Production

__all__ = ["WAVE_ROWS", "WaveChecks"]

WAVE_ROWS: Final = {
    "a tag has one active wave at most": (
        "SELECT 'the tag ' || tag || ' has ' || count(*) || ' active waves' FROM waves WHERE state = 'active'"
        " GROUP BY tag HAVING count(*) > 1"
    ),
    "names of waves are given once, and well formed": (
        "SELECT 'the wave ' || name || ' exists ' || count(*) || ' times' FROM waves GROUP BY name HAVING count(*) > 1"
        " UNION ALL SELECT 'the name ' || name || ' of a wave is not well formed' FROM waves"
        " WHERE NOT regexp_full_match(name, '[A-Za-z0-9][A-Za-z0-9_.+-]{0,63}')"
    ),
    "a wave is active, or it is complete or canceled and has an end": (
        "SELECT 'the wave ' || name || ' is ' || state || ', and its end is ' || coalesce(CAST(finished_at AS VARCHAR),"
        " 'unknown') FROM waves WHERE (CASE state WHEN 'active' THEN finished_at IS NULL WHEN 'complete' THEN"
        " finished_at IS NOT NULL WHEN 'canceled' THEN finished_at IS NOT NULL ELSE false END) IS DISTINCT FROM true"
    ),
    "an active wave is above the production targets of its tag": (
        "SELECT 'the wave ' || w.name || ' brings ' || w.target_version || ', and ' || w.tag || ' has ' ||"
        " r.role_version FROM waves w JOIN targets_roles r ON r.repository = 'production' AND r.tag = w.tag"
        " WHERE w.state = 'active' AND w.target_version <= r.role_version"
    ),
    "rollouts belong to a wave, and are 1, 2, 3 …": (
        "SELECT 'the wave ' || wave_id || ' has ' || count(*) || ' rollouts, and the last is ' || max(number)"
        " FROM rollouts GROUP BY wave_id HAVING count(*) <> max(number) OR min(number) <> 1"
        " UNION ALL SELECT 'there is no wave ' || wave_id || ' for a rollout' FROM rollouts"
        " WHERE wave_id NOT IN (SELECT wave_id FROM waves)"
    ),
    "a request or a plan is answered once, by a rollout that is there": (
        "SELECT 'the ' || kind || ' ' || key || ' is answered ' || count(*) || ' times' FROM requests"
        " GROUP BY kind, key HAVING count(*) > 1"
        " UNION ALL SELECT 'there is no rollout ' || number || ' for the ' || kind || ' ' || key FROM requests q"
        " WHERE number IS NOT NULL AND NOT EXISTS"
        " (FROM rollouts r WHERE r.wave_id = q.wave_id AND r.number = q.number)"
    ),
    "a wave's revision counts its rollouts and its end": (
        "SELECT 'the wave ' || w.name || ' has the revision ' || w.revision || ' and ' || count(r.number) ||"
        " ' rollouts' FROM waves w LEFT JOIN rollouts r ON r.wave_id = w.wave_id GROUP BY w.wave_id, w.name,"
        " w.revision, w.state HAVING w.revision <> 1 + count(r.number) + CAST(w.state <> 'active' AS INTEGER)"
    ),
}
"""Statements about rows, as in `groundswell.factory.checks.checks`."""


class WaveChecks:
    """The checks that no query can make; the caller is in `reading` or `changing`."""

    def __init__(
        self, book: WaveRepository, archive: RolloutHistory, production: Production, publisher: Publisher
    ) -> None:
        self._book: Final = book
        self._archive: Final = archive
        self._production: Final = production
        self._publisher: Final = publisher

    def checks(self) -> dict[str, Callable[[], Iterator[str]]]:
        """By what should hold: what finds the faults."""
        return {
            "rollouts hold the devices of their digests, and choose nobody twice": self._history,
            "production devices are served what waves and production targets say": self._served,
        }

    def _history(self) -> Iterator[str]:
        for wave in self._book.all():
            for one in self._archive.verify(wave, None, None):
                if not one.holds:
                    yield f"the devices of rollout {one.number} of wave {wave.name} are not those of its digest"
            chosen = nobody()
            for rollout in self._book.rollouts(wave):
                if rollout.whole:
                    continue
                again = chosen & rollout.devices
                if len(again):
                    yield f"rollout {rollout.number} of wave {wave.name} chose {len(again)} devices again"
                chosen |= rollout.devices

    def _served(self) -> Iterator[str]:
        wanted, found = set(self._production.offered()), set(self._publisher.served("production"))
        for one in sorted(wanted - found):
            yield f"tag {one.tag} ({one.variant}) is not served what its wave or its production targets say"
        for one in sorted(found - wanted):
            yield f"tag {one.tag} ({one.variant}) is served what no wave and no production targets say"
