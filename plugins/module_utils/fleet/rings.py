# Copyright (c) 2026 wsltune contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The rings of a rollout: what a person declares goes in, checked, and each host's ring comes out."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import Any

REST = "rest"
EXCLUDED = "none"
"""What C(wsltune_ring) of a host has where the rollout never touches it."""
PERCENT = ("quorum", "measure", "max_failed", "max_taken_back")


class RingError(ValueError):
    """What is wrong with the declared rings, in one sentence."""


@dataclass(frozen=True)
class Ring:
    """One ring. Shares are in percent: C(share) of the hosts of no named ring, C(quorum) and the others of the ring's.

    C(max_ratio) limits the upper end of the pooled ratio's interval, after to before: above 1 is slower.
    """

    name: str
    hosts: tuple[str, ...] = ()
    share: float | str | None = None
    quorum: float = 60.0
    soak_hours: float = 24.0
    measure: float = 100.0
    max_failed: float = 5.0
    max_taken_back: float = 5.0
    max_ratio: float = 1.03

    def to_json(self) -> dict[str, Any]:
        """Return the ring as the record has it."""
        return {**vars(self), "hosts": list(self.hosts)}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Ring:
        """Read a ring of the record."""
        return cls(**{**data, "hosts": tuple(data["hosts"])})


DEFAULT: tuple[Mapping[str, Any], ...] = (
    {"name": "sandbox", "share": 1, "soak_hours": 1},
    {"name": "early", "share": 10},
    {"name": "many", "share": 30},
    {"name": "all", "share": REST, "measure": 10, "soak_hours": 0},
)


def read_rings(declared: Any) -> list[Ring]:
    """Return the rings that C(wsltune_rings) declares; raise RingError with the first thing that is wrong."""
    if not isinstance(declared, Sequence) or isinstance(declared, str) or not declared:
        raise RingError(f"wsltune_rings is {declared!r}: give a list of at least one ring.")
    rings = [_read_ring(number, ring) for number, ring in enumerate(declared, 1)]
    names = [ring.name for ring in rings]
    for name in names:
        if names.count(name) > 1:
            raise RingError(f"wsltune_rings names the ring {name} twice: give each ring a name of its own.")
    total = sum(ring.share for ring in rings if isinstance(ring.share, (int, float)))
    if total > 100:
        raise RingError(f"the shares in wsltune_rings come to {total:g} %: give at most 100 % together.")
    rest = [ring.name for ring in rings if ring.share == REST]
    if rest and rest != names[-1:]:
        raise RingError(f"the ring {rest[0]} in wsltune_rings takes the rest: it must be the last, and the only such.")
    return rings


def _read_ring(number: int, given: Any) -> Ring:
    known = [entry.name for entry in fields(Ring)]
    if not isinstance(given, Mapping) or not isinstance(given.get("name"), str) or not given["name"].strip():
        raise RingError(f"ring {number} of wsltune_rings is {given!r}: give a mapping with a name.")
    where = f"the ring {given['name']} in wsltune_rings"
    if given["name"] == EXCLUDED:
        raise RingError(f"{where} cannot be named {EXCLUDED}, which is what wsltune_ring of an excluded host says.")
    unknown = sorted(set(map(str, given)) - set(known))
    if unknown:
        raise RingError(f"{where} has {unknown[0]}: give some of {', '.join(known)}.")
    hosts = given.get("hosts", [])
    if not isinstance(hosts, Sequence) or isinstance(hosts, str) or not all(isinstance(host, str) for host in hosts):
        raise RingError(f"{where} has hosts {hosts!r}: give a list of names of hosts or groups.")
    values: dict[str, Any] = {"name": given["name"], "hosts": tuple(hosts)}
    if "share" in given:
        values["share"] = REST if given["share"] == REST else _read_number(where, "share", given["share"], 100)
    for name in PERCENT:
        if name in given:
            values[name] = _read_number(where, name, given[name], 100)
    if "soak_hours" in given:
        values["soak_hours"] = _read_number(where, "soak_hours", given["soak_hours"], math.inf)
    if "max_ratio" in given:
        values["max_ratio"] = _read_number(where, "max_ratio", given["max_ratio"], 10)
        if values["max_ratio"] < 0.1:
            raise RingError(f"{where} has max_ratio {given['max_ratio']}: give a ratio such as 1.03, not a percentage.")
    if values.get("share") == 0:
        raise RingError(f"{where} has share 0: give more than 0 %, or leave the ring out.")
    return Ring(**values)


def _read_number(where: str, name: str, given: Any, most: float) -> float:
    try:
        number = float("nan") if isinstance(given, bool) else float(given)
    except (TypeError, ValueError):
        number = float("nan")
    if not 0 <= number <= most or number == math.inf:
        end = " and at most 100 %" if most == 100 else f" and at most {most:g}" if most < math.inf else ""
        raise RingError(f"{where} has {name} {given!r}: give a number of at least 0{end}.")
    return number


@dataclass(frozen=True)
class Assignment:
    """The hosts of each ring in a fixed order, and those that the rollout leaves alone with the reason."""

    rings: Mapping[str, list[str]]
    excluded: Mapping[str, str] = field(default_factory=dict)


def assign(
    rings: Sequence[Ring],
    hosts: Iterable[str],
    groups: Mapping[str, Iterable[str]] | None = None,
    wanted: Mapping[str, str] | None = None,
) -> Assignment:
    """Return which host is in which ring, the same on every run.

    C(wanted) has C(wsltune_ring) of the hosts that declare it. The hosts that no ring names are sorted by a hash of
    their names and dealt out by share; a ring with a share has at least one of them as long as there are any.
    """
    every = dict.fromkeys(hosts)
    named = _find_named(rings, every, groups or {}, wanted or {})
    excluded = {host: "wsltune_ring is none" for host, ring in named.items() if ring == EXCLUDED}
    chosen = {ring.name: [host for host in every if named.get(host) == ring.name] for ring in rings}
    free = sorted((host for host in every if host not in named), key=hash_name)
    count, start = len(free), 0
    for ring in rings:
        if ring.share is None:
            continue
        share = 100.0 if ring.share == REST else float(ring.share)
        take = max(1, round(count * share / 100))
        if ring.share == REST:
            take = count - start
        chosen[ring.name] += free[start : start + take]
        start = min(count, start + take)
    for host in free[start:]:
        excluded[host] = "the shares of wsltune_rings leave it out"
    for ring in rings:
        if not chosen[ring.name] and ring.share is None:
            raise RingError(f"the ring {ring.name} in wsltune_rings has no host: name some, or leave the ring out.")
    if not any(chosen.values()):
        raise RingError("no ring of wsltune_rings has a host: is the inventory the right one?")
    return Assignment({name: sorted(members, key=hash_name) for name, members in chosen.items()}, excluded)


def _find_named(
    rings: Sequence[Ring],
    every: Mapping[str, Any],
    groups: Mapping[str, Iterable[str]],
    wanted: Mapping[str, str],
) -> dict[str, str]:
    """Return the ring of each host that a ring or the host itself names."""
    named: dict[str, str] = {}
    known = [ring.name for ring in rings]
    for host, name in wanted.items():
        if host in every and name:
            if name not in (*known, EXCLUDED):
                raise RingError(f"wsltune_ring of {host} is {name}: give {', '.join([*known, EXCLUDED])}.")
            named[host] = name
    for ring in rings:
        for entry in ring.hosts:
            if entry not in every and entry not in groups:
                where = f"the ring {ring.name} in wsltune_rings"
                raise RingError(f"{where} names {entry}: the inventory has no such host or group for this rollout.")
            for host in [entry] if entry in every else [name for name in groups[entry] if name in every]:
                if named.get(host, ring.name) == EXCLUDED:
                    continue
                if named.get(host, ring.name) != ring.name:
                    raise RingError(f"{host} is in the rings {named[host]} and {ring.name}: leave it in one of them.")
                named[host] = ring.name
    return named


def choose_measured(ring: Ring, hosts: Sequence[str]) -> list[str]:
    """Return the hosts of a ring that measure: its share by another hash, at least one where the share is not zero."""
    if not hosts or not ring.measure:
        return []
    count = max(1, math.ceil(len(hosts) * ring.measure / 100))
    return sorted(hosts, key=lambda host: hash_name(f"measure {host}"))[:count]


def hash_name(name: str) -> str:
    """Return what orders hosts without favour, the same on every controller; Python's own hash changes by process."""
    return hashlib.sha256(name.encode("utf-8", "surrogateescape")).hexdigest()
