"""The street scene: who is on it, where they go, and when they meet."""

from dataclasses import replace

import numpy as np

from mvot_plugin.errors import UsageError
from mvot_plugin.synthetic.background import FAR_KERB, NEAR_KERB, panorama
from mvot_plugin.synthetic.canvas import Colour, Number
from mvot_plugin.synthetic.motion import Camera, Path, metres_to_units, panning, travel
from mvot_plugin.synthetic.people import Look, Walker
from mvot_plugin.synthetic.props import Column, Lamp, Tree
from mvot_plugin.synthetic.scene import Actor, Prop, Scene
from mvot_plugin.synthetic.vehicles import Bicycle, Vehicle
from mvot_plugin.synthetic.wardrobe import BRIGHT, dressed, picked

__all__ = ["street"]

_ROLES = ("near", "far", "toward", "near", "far", "away", "near", "far")
_VEHICLES: tuple[tuple[str, Colour], ...] = (
    ("taxi", (70, 195, 240)),
    ("van", (222, 226, 230)),
    ("hatchback", (62, 58, 190)),
    ("saloon", (150, 112, 58)),
    ("hatchback", (120, 150, 70)),
    ("saloon", (92, 86, 84)),
)
_LIVERIES: tuple[Colour, ...] = ((170, 120, 30), (60, 140, 40), (50, 60, 200))
_LANES = ((308.0, -1), (362.0, 1))
_CYCLE_LANES = ((378.0, 1), (288.0, -1))


def street(
    seed: int = 0,
    *,
    size: tuple[int, int] = (640, 480),
    frames: int = 150,
    frame_rate: Number = 25.0,
    walkers: int = 8,
    vehicles: int = 3,
    cyclists: int = 1,
    pan: Number = 0.5,
) -> Scene:
    """A street with passers-by and traffic, filmed by a camera that pans.

    ``size`` is (width, height). ``walkers``, ``vehicles`` and ``cyclists`` are how many come by
    in the whole scene, each in view at some time; a cyclist is two objects, a person and a
    bicycle. ``pan``, 0..1, is how far the camera sweeps, in image widths. Ids count from 1:
    walkers, vehicles, then riders and their bicycles. Some walkers wear the same clothes and meet.

    Raises ``UsageError`` for a scene that cannot be.
    """
    if min(*size) < 32 or frames < 1 or pan > 1 or min(seed, walkers, vehicles, cyclists, pan) < 0:
        raise UsageError(
            "a street needs an image of at least 32x32 pixels, one frame or more, a pan of 1 or "
            f"less, and no negative numbers; got seed={seed}, size={size}, frames={frames}, "
            f"walkers={walkers}, vehicles={vehicles}, cyclists={cyclists}, pan={pan}"
        )
    if not 0 < frame_rate < float("inf"):
        raise UsageError(f"the frame rate must be a positive number, not {frame_rate}")
    view = 480 * size[0] / size[1]
    width = view * (1 + pan)
    times = np.arange(frames) / frame_rate
    camera = panning(np.random.default_rng([seed, 0]), times, view * pan)
    casting = _Casting(np.random.default_rng([seed, 1]), times, camera, view, width / 2)
    return Scene(
        name="street",
        size=size,
        frame_rate=float(frame_rate),
        panorama=panorama(np.random.default_rng([seed, 2]), width, size[1] / 480, width / 2),
        camera=camera,
        actors=casting.cast(walkers, vehicles, cyclists),
        props=_props(np.random.default_rng([seed, 3]), width),
    )


class _Casting:
    """Chooses looks and routes; ``view`` and ``crossing`` in units, like all positions."""

    def __init__(
        self,
        rng: np.random.Generator,
        times: np.ndarray,
        camera: Camera,
        view: float,
        crossing: float,
    ) -> None:
        self._rng, self._times, self._camera = rng, times, camera
        self._view, self._crossing = view, crossing
        self._traffic: list[Path] = []
        self._pedestrians: list[Path] = []
        self._actors: list[Actor] = []

    def cast(self, walkers: int, vehicles: int, cyclists: int) -> list[Actor]:
        self._walkers(walkers)
        for number in range(vehicles):
            self._vehicle(number, vehicles)
        for number in range(cyclists):
            self._cyclist(number, cyclists)
        return self._actors

    def _uniform(self, low: Number, high: Number) -> float:
        return float(self._rng.uniform(low, high))

    def _seed(self) -> int:
        return int(self._rng.integers(2**31))

    def _add(
        self, figure: Walker | Vehicle | Bicycle, path: Path, stride: float, nearer: float = 0.0
    ) -> None:
        number = len(self._actors) + 1
        self._actors.append(
            Actor(id=number, figure=figure, path=path, stride=stride, nearer=nearer)
        )

    def _appointment(self, share: float) -> tuple[float, float]:
        """A time, about ``share`` of the scene, and a place in view then."""
        time = float(self._times[-1]) * min(max(share, 0.0), 1.0)
        left = float(np.interp(time, self._times, self._camera.x))
        return time, left + self._view * self._uniform(0.22, 0.78)

    def _walkers(self, count: int) -> None:
        looks: list[Look] = []
        meetings: list[tuple[float, float]] = []
        for number in range(count):
            twin = number - 3 if number % 8 in (3, 4) else None
            look = dressed(self._rng, number)
            meeting = self._appointment((0.13 + 0.618 * number) % 1 * 0.8 + 0.1)
            if twin is not None:
                clothes = looks[twin]
                look = replace(clothes, skin=look.skin, hair=look.hair, height=look.height)
                meeting = meetings[twin]
            looks.append(look)
            meetings.append(meeting)
            path = self._walk(_ROLES[number % 8], meeting, 1 if number % 8 in (0, 2, 4, 6) else -1)
            self._pedestrians.append(path)
            self._add(Walker(look, seed=self._seed()), path, stride=1.36 * look.height / 1.75)

    def _walk(self, role: str, meeting: tuple[float, float], way: int) -> Path:
        time, x = meeting
        far_off = way * 2500
        if role in ("near", "far"):
            low, high = (406, 464) if role == "near" else (240, 262)
            y = self._uniform(low, high)
            route = np.array([(x - far_off, y), (x, y + self._uniform(-8, 8)), (x + far_off, y)])
        else:
            x = self._crossing + self._uniform(-45, 45)
            route = np.array(
                [
                    (x - far_off, 250.0),
                    (x - way * 6, 254.0),
                    (x + way * 6, 426.0),
                    (x + far_off, 440.0),
                ]
            )
            route = route[::-1] if role == "away" else route
        pausing = role != "toward" and role != "away" and self._uniform(0, 1) < 0.35
        start = time + self._uniform(0.3, 1.0)
        return travel(
            self._rng,
            self._times,
            route,
            speed=self._uniform(0.85, 1.12) if role == "near" else self._uniform(1.0, 1.3),
            meeting=(time, 0.5),
            rest=(start, start + self._uniform(0.9, 1.8)) if pausing else None,
        )

    def _vehicle(self, number: int, count: int) -> None:
        kind, paint = _VEHICLES[number % len(_VEHICLES)]
        lane = _LANES[(number + 1) % 2]
        path = self._drive(lane, (number + 0.5) / count, (2.8, 3.8), reach=2.6)
        self._traffic.append(path)
        figure = Vehicle(kind, paint, picked(self._rng, _LIVERIES), seed=self._seed())
        self._add(figure, path, stride=2 * np.pi * 0.33)

    def _cyclist(self, number: int, count: int) -> None:
        lane = _CYCLE_LANES[number % 2]
        path = self._drive(lane, (number + 0.4) / count, (2.1, 2.6), reach=1.0)
        self._traffic.append(path)
        look = replace(dressed(self._rng, number), bag="none", garment="trousers")
        self._add(Walker(look, seed=self._seed(), riding=True), path, stride=4.6, nearer=0.5)
        self._add(Bicycle(picked(self._rng, BRIGHT), seed=self._seed()), path, stride=4.6)

    def _drive(
        self, lane: tuple[float, int], share: float, speeds: tuple[float, float], reach: float
    ) -> Path:
        """The least dangerous of some ways to come by, ``reach`` metres being half a length."""
        tries: list[tuple[int, int, Path]] = []
        for _ in range(30):
            time, x = self._appointment(share + self._uniform(-0.25, 0.25))
            route = np.array([(x - lane[1] * 4000, lane[0]), (x + lane[1] * 4000, lane[0])])
            speed = self._uniform(*speeds)
            path = travel(self._rng, self._times, route, speed=speed, meeting=(time, 0.5))
            tries.append((self._danger(path, reach), len(tries), path))
            if tries[-1][0] == 0:
                break
        return min(tries, key=lambda t: t[:2])[2]

    def _danger(self, path: Path, reach: float) -> int:
        """On how many frames a vehicle would touch a pedestrian or another vehicle."""
        metre = metres_to_units(path.y)
        others = [(p, reach + 0.4, 22.0) for p in self._pedestrians]
        others += [(p, reach + 3.0, 10.0) for p in self._traffic]
        return sum(
            int(np.sum((np.abs(p.x - path.x) < far * metre) & (np.abs(p.y - path.y) < deep)))
            for p, far, deep in others
        )


def _props(rng: np.random.Generator, width: float) -> list[Prop]:
    """What lines the two kerbs, clear of the zebra crossing in the middle."""
    far, near = FAR_KERB - 3.0, NEAR_KERB + 8.0
    middle = width / 2
    props: list[Prop] = []
    for number, offset in enumerate(np.arange(130.0, middle + 200, 165.0)):
        for side in (-1, 1):
            x = middle + side * offset + float(rng.uniform(-18, 18))
            column = (number + (side > 0)) % 2 == 0
            seed = int(rng.integers(2**31))
            props.append(Prop(figure=Column(seed=seed) if column else Tree(seed=seed), x=x, y=far))
            x = middle + side * (offset + 60) + float(rng.uniform(-18, 18))
            tall = (number + (side > 0)) % 2 == 1
            props.append(Prop(figure=Lamp() if tall else Tree(seed=seed + 1), x=x, y=near))
    return props
