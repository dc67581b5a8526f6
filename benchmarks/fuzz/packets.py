"""Videos whose container is whole and in which two pictures' packets have changed places."""

from __future__ import annotations

import io
import random
from typing import Any

import av
from av.packet import Packet

FORMATS = {"mp4": "mp4", "mov": "mov", "mkv": "matroska", "webm": "webm", "ts": "mpegts", "avi": "avi"}
"""Kinds of videos, with FFmpeg's names of their containers."""


def swapped(kind: str, data: bytes, rng: random.Random) -> tuple[bytes, str]:
    """The video `data` of the format `kind`, with two packets of its pictures in each other's place, and which.

    Times and places stay; what is decoded there is another picture, mostly made from ones that were not meant. Half of
    these pairs belong to one group of pictures, half to two. Every other one takes its mark of a key frame along.
    """
    with av.open(io.BytesIO(data), "r") as source:
        stream = source.streams.video[0]
        packets = [packet for packet in source.demux(stream) if packet.size]
        keys = [packet.is_keyframe for packet in packets]
        one, other = _pair(keys, rng, across=rng.random() < 0.5, first=1 if kind == "ts" else 0)
        places = {id(packets[one]): packets[other], id(packets[other]): packets[one]}
        marked, held = rng.random() < 0.5, io.BytesIO()
        with av.open(held, "w", format=FORMATS[kind], container_options={"fflags": "+bitexact"}) as out:
            target = out.add_stream_from_template(stream)
            for packet in packets:
                out.mux(_written(packet, places.get(id(packet), packet), target, marked=marked))
    return held.getvalue(), f"packets {one} and {other} swapped{', with their marks' if marked else ''}"


def _pair(keys: list[bool], rng: random.Random, *, across: bool, first: int) -> tuple[int, int]:
    """Two different packets from `first` on, of one group of pictures or of two; `keys` says which begin one."""
    group = [sum(keys[: index + 1]) for index in range(len(keys))]
    pairs = [(a, b) for b in range(len(keys)) for a in range(first, b)]
    wanted = [(a, b) for a, b in pairs if (group[a] != group[b]) == across]
    return rng.choice(wanted or pairs)


def _written(place: Any, held: Any, target: Any, *, marked: bool) -> Packet[Any]:
    """A packet at the time of `place` that holds what `held` does."""
    made: Packet[Any] = Packet(bytes(held))
    made.stream, made.time_base = target, place.time_base
    made.pts, made.dts, made.duration = place.pts, place.dts, place.duration
    made.is_keyframe = held.is_keyframe if marked else place.is_keyframe
    return made
