"""The street scene: people and vehicles, their routes, and encounters that occlude them."""

from dataclasses import replace

import numpy as np

from mvot_plugin.errors import UsageError
from mvot_synthetic.actors.people import Outfit, Walker
from mvot_synthetic.actors.props import Column, Lamp, Tree
from mvot_synthetic.actors.vehicles import Bicycle, Vehicle
from mvot_synthetic.actors.wardrobe import BRIGHT, choose_colour, sample_outfit
from mvot_synthetic.background import FAR_KERB, NEAR_KERB, draw_panorama
from mvot_synthetic.canvas import Colour, Number
from mvot_synthetic.motion import Camera, Route, follow_waypoints, metres_to_units, pan_camera
from mvot_synthetic.scene import Actor, Prop, Scene

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
    """A street with pedestrians and traffic, filmed by a panning camera.

    Args:
        seed: of everything that is chosen at random.
        size: (width, height) of the image in pixels, 32 or more each.
        frames: the length.
        frame_rate: frames per second.
        walkers: people on foot in the whole scene, each in view at some time.
        vehicles: cars and vans, likewise.
        cyclists: each is two objects, a person and a bicycle.
        pan: the range of the camera in image widths, 0..1.

    Returns:
        The scene. Ids count from 1: walkers, vehicles, then riders and their bicycles. Some walkers
        wear the same clothes and meet.

    Raises:
        UsageError: for settings out of range.

    Examples:
        >>> from mvot_synthetic import street
        >>> scene = street(seed=2, size=(320, 240), frames=50, walkers=3)
        >>> len(scene), scene.frame(49).timestamp
        (50, 1.96)
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
    camera = pan_camera(np.random.default_rng([seed, 0]), times, view * pan)
    factory = _ActorFactory(np.random.default_rng([seed, 1]), times, camera, view, width / 2)
    return Scene(
        name="street",
        size=size,
        frame_rate=float(frame_rate),
        panorama=draw_panorama(np.random.default_rng([seed, 2]), width, size[1] / 480, width / 2),
        camera=camera,
        actors=factory.create_actors(walkers, vehicles, cyclists),
        props=_place_props(np.random.default_rng([seed, 3]), width),
    )


class _ActorFactory:
    """Samples outfits and routes; ``view`` (its width) and ``crossing`` (its x) are in units."""

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
        self._traffic: list[Route] = []
        self._pedestrians: list[Route] = []
        self._actors: list[Actor] = []

    def create_actors(self, walkers: int, vehicles: int, cyclists: int) -> list[Actor]:
        """Create all actors; walkers come first, so that vehicles can avoid them."""
        self._add_walkers(walkers)
        for number in range(vehicles):
            self._add_vehicle(number, vehicles)
        for number in range(cyclists):
            self._add_cyclist(number, cyclists)
        return self._actors

    def _uniform(self, low: Number, high: Number) -> float:
        return float(self._rng.uniform(low, high))

    def _sample_seed(self) -> int:
        return int(self._rng.integers(2**31))

    def _add(
        self, drawable: Walker | Vehicle | Bicycle, route: Route, stride: float, nearer: float = 0.0
    ) -> None:
        number = len(self._actors) + 1
        self._actors.append(
            Actor(id=number, drawable=drawable, route=route, stride=stride, nearer=nearer)
        )

    def _sample_meeting(self, share: float) -> tuple[float, float]:
        """A time in seconds, at about ``share`` of the scene, and an x that is in view then."""
        time = float(self._times[-1]) * min(max(share, 0.0), 1.0)
        left = float(np.interp(time, self._times, self._camera.x))
        return time, left + self._view * self._uniform(0.22, 0.78)

    def _add_walkers(self, count: int) -> None:
        outfits: list[Outfit] = []
        meetings: list[tuple[float, float]] = []
        for number in range(count):
            twin = number - 3 if number % 8 in (3, 4) else None
            outfit = sample_outfit(self._rng, number)
            meeting = self._sample_meeting((0.13 + 0.618 * number) % 1 * 0.8 + 0.1)
            if twin is not None:
                clothes = outfits[twin]
                outfit = replace(clothes, skin=outfit.skin, hair=outfit.hair, height=outfit.height)
                meeting = meetings[twin]
            outfits.append(outfit)
            meetings.append(meeting)
            route = self._sample_walk(
                _ROLES[number % 8], meeting, 1 if number % 8 in (0, 2, 4, 6) else -1
            )
            self._pedestrians.append(route)
            self._add(
                Walker(outfit, seed=self._sample_seed()), route, stride=1.36 * outfit.height / 1.75
            )

    def _sample_walk(self, role: str, meeting: tuple[float, float], direction: int) -> Route:
        time, x = meeting
        far_off = direction * 2500
        if role in ("near", "far"):
            low, high = (406, 464) if role == "near" else (240, 262)
            y = self._uniform(low, high)
            waypoints = np.array(
                [(x - far_off, y), (x, y + self._uniform(-8, 8)), (x + far_off, y)]
            )
        else:
            x = self._crossing + self._uniform(-45, 45)
            waypoints = np.array(
                [
                    (x - far_off, 250.0),
                    (x - direction * 6, 254.0),
                    (x + direction * 6, 426.0),
                    (x + far_off, 440.0),
                ]
            )
            waypoints = waypoints[::-1] if role == "away" else waypoints
        pauses = role != "toward" and role != "away" and self._uniform(0, 1) < 0.35
        start = time + self._uniform(0.3, 1.0)
        return follow_waypoints(
            self._rng,
            self._times,
            waypoints,
            speed=self._uniform(0.85, 1.12) if role == "near" else self._uniform(1.0, 1.3),
            meeting=(time, 0.5),
            rest=(start, start + self._uniform(0.9, 1.8)) if pauses else None,
        )

    def _add_vehicle(self, number: int, count: int) -> None:
        kind, paint = _VEHICLES[number % len(_VEHICLES)]
        lane = _LANES[(number + 1) % 2]
        route = self._sample_drive(lane, (number + 0.5) / count, (2.8, 3.8), reach=2.6)
        self._traffic.append(route)
        drawable = Vehicle(
            kind, paint, choose_colour(self._rng, _LIVERIES), seed=self._sample_seed()
        )
        self._add(drawable, route, stride=2 * np.pi * 0.33)

    def _add_cyclist(self, number: int, count: int) -> None:
        lane = _CYCLE_LANES[number % 2]
        route = self._sample_drive(lane, (number + 0.4) / count, (2.1, 2.6), reach=1.0)
        self._traffic.append(route)
        outfit = replace(sample_outfit(self._rng, number), bag="none", garment="trousers")
        self._add(
            Walker(outfit, seed=self._sample_seed(), riding=True), route, stride=4.6, nearer=0.5
        )
        self._add(
            Bicycle(choose_colour(self._rng, BRIGHT), seed=self._sample_seed()), route, stride=4.6
        )

    def _sample_drive(
        self, lane: tuple[float, int], share: float, speeds: tuple[float, float], reach: float
    ) -> Route:
        """Sample up to 30 routes, and choose the one with the fewest collisions.

        ``reach`` is half the length of the vehicle, in metres.
        """
        candidates: list[tuple[int, int, Route]] = []
        for _ in range(30):
            time, x = self._sample_meeting(share + self._uniform(-0.25, 0.25))
            waypoints = np.array([(x - lane[1] * 4000, lane[0]), (x + lane[1] * 4000, lane[0])])
            speed = self._uniform(*speeds)
            route = follow_waypoints(
                self._rng, self._times, waypoints, speed=speed, meeting=(time, 0.5)
            )
            candidates.append((self._count_collisions(route, reach), len(candidates), route))
            if candidates[-1][0] == 0:
                break
        return min(candidates, key=lambda t: t[:2])[2]

    def _count_collisions(self, route: Route, reach: float) -> int:
        """The number of frames on which a vehicle would touch a pedestrian or another vehicle."""
        metre = metres_to_units(route.y)
        others = [(p, reach + 0.4, 22.0) for p in self._pedestrians]
        others += [(p, reach + 3.0, 10.0) for p in self._traffic]
        return sum(
            int(np.sum((np.abs(p.x - route.x) < far * metre) & (np.abs(p.y - route.y) < deep)))
            for p, far, deep in others
        )


def _place_props(rng: np.random.Generator, width: float) -> list[Prop]:
    """Place props along both kerbs, clear of the zebra crossing in the middle."""
    far, near = FAR_KERB - 3.0, NEAR_KERB + 8.0
    middle = width / 2
    props: list[Prop] = []
    for number, offset in enumerate(np.arange(130.0, middle + 200, 165.0)):
        for side in (-1, 1):
            x = middle + side * offset + float(rng.uniform(-18, 18))
            column = (number + (side > 0)) % 2 == 0
            seed = int(rng.integers(2**31))
            props.append(
                Prop(drawable=Column(seed=seed) if column else Tree(seed=seed), x=x, y=far)
            )
            x = middle + side * (offset + 60) + float(rng.uniform(-18, 18))
            tall = (number + (side > 0)) % 2 == 1
            props.append(Prop(drawable=Lamp() if tall else Tree(seed=seed + 1), x=x, y=near))
    return props
