"""The table of engines: a row for each, as data, so that reading it imports none of them."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

__all__ = ["ENGINES", "EngineEntry", "NetworkEntry"]


@dataclass(frozen=True, kw_only=True)
class NetworkEntry:
    """The network of an engine."""

    module: str
    name: str
    """The class of the torch module, in ``module``."""
    functions: str
    """The class of the functions that the engine runs of it, as "module:name"."""
    presets: str
    """The module with ``PRESETS``: the config of each engine's network, by the engine's name."""
    weights: str
    """The weights file that the engine ships with, without its ending."""
    has_graphs: bool
    """Whether the engine ships with graphs, too, which need no torch."""
    kind: str
    """The kind of network that the weights are of, as recorded in the file."""
    preset_fields: tuple[str, ...] = ()
    """The fields of the config that are always the preset's, whatever the weights file says."""


@dataclass(frozen=True, kw_only=True)
class EngineEntry:
    """One engine: where its class lies, and how it is made."""

    module: str
    name: str
    """The class, in ``module``; one with a network derives from ``NetworkEngine``."""
    purpose: str
    """What it is for, in one line."""
    network: NetworkEntry | None = None
    """None for an engine without a network."""
    options: Mapping[str, Any] = field(default_factory=dict)
    """Fields of the engine that differ from what ``load_engine`` sets otherwise."""
    loader: str = ""
    """What loads the engine where ``load_network_engine`` cannot, as "module:function"."""

    @property
    def has_network(self) -> bool:
        """Whether it runs a network."""
        return self.network is not None or bool(self.loader)

    @property
    def needs_torch(self) -> bool:
        """Whether it cannot run without torch."""
        return self.network is not None and not self.network.has_graphs


def _correlation(name: str, weights: str, purpose: str, **options: Any) -> EngineEntry:
    """An engine of SiamFC's family; its areas are those of its preset, not of the weights file."""
    network = NetworkEntry(
        module="mvot_plugin.models.siamfc.network",
        name="SiamFCNet",
        functions="mvot_plugin.models.siamfc.functions:SiamFCFunctions",
        presets="mvot_plugin.models.siamfc.config",
        weights=weights,
        has_graphs=weights == "siammt",
        kind=weights,
        preset_fields=("context", "view"),
    )
    return EngineEntry(
        module="mvot_plugin.engines.correlation",
        name=f"{name}Engine",
        purpose=purpose,
        network=network,
        options=options,
    )


def _siamese(
    name: str, network: str, package: str, purpose: str, engine: str = "SiameseEngine"
) -> EngineEntry:
    """An engine of SiamMOT, IMSiam or SiamAttn: a network, in a package of its own."""
    return EngineEntry(
        module="mvot_plugin.engines.siamese",
        name=engine,
        purpose=purpose,
        network=NetworkEntry(
            module=f"mvot_plugin.models.{package}",
            name=network,
            functions="mvot_plugin.models.siamese.network:SiameseFunctions",
            presets=f"mvot_plugin.models.{package.partition('.')[0]}.config",
            weights=name,
            has_graphs=True,
            kind=name,
        ),
    )


ENGINES: Mapping[str, EngineEntry] = MappingProxyType(
    {
        "hold": EngineEntry(
            module="mvot_plugin.engines.hold",
            name="HoldEngine",
            purpose="keeps every box in place: the least that an engine can do",
        ),
        "imsiam": _siamese(
            "imsiam",
            "ImSiamNet",
            "imsiam.network",
            "IMSiam: matching-adaptive neck, IoU-aware scores, no anchors",
        ),
        "kalman": EngineEntry(
            module="mvot_plugin.engines.kalman",
            name="KalmanEngine",
            purpose="a constant-velocity Kalman filter for each target; does not look at the image",
        ),
        "lk-flow": EngineEntry(
            module="mvot_plugin.engines.lk_flow",
            name="LKFlowEngine",
            purpose="sparse Lucas-Kanade optical flow on all targets in one call",
        ),
        "nanotrack": EngineEntry(
            module="mvot_plugin.engines.nanotrack",
            name="NanoTrackEngine",
            purpose="NanoTrack v2 for all targets together; its weights are fetched once",
            loader="mvot_plugin.engines.nanotrack.loading:load_nanotrack",
        ),
        "siamattn": _siamese(
            "siamattn",
            "SiamAttnNet",
            "siamattn.network",
            "SiamAttn: deformable attention, refined boxes, a mask for each target",
            engine="SiamAttnEngine",
        ),
        "siamfc": _correlation(
            "SiamFC", "siamfc", "SiamFC, one target after another: a baseline", batch=1
        ),
        "siamfc-mi": _correlation(
            "SiamFC", "siamfc", "SiamFC with the targets stacked in batches: a baseline"
        ),
        "siammot-emm": _siamese(
            "siammot-emm",
            "ExplicitMotionModel",
            "siammot.emm",
            "SiamMOT with its explicit motion model, channel-wise correlation",
        ),
        "siammot-imm": _siamese(
            "siammot-imm",
            "ImplicitMotionModel",
            "siammot.imm",
            "SiamMOT with its implicit motion model, an MLP",
        ),
        "siammotion": EngineEntry(
            module="mvot_plugin.engines.siammotion",
            name="SiamMotionEngine",
            purpose="SiamMOTION: feature pyramid, attention and PD-RPN, in one batch",
            network=NetworkEntry(
                module="mvot_plugin.models.siammotion",
                name="SiamMotionNet",
                functions="mvot_plugin.models.siammotion_functions:SiamMotionFunctions",
                presets="mvot_plugin.models.siammotion_config",
                weights="siammotion",
                has_graphs=False,
                kind="siammotion",
            ),
        ),
        "siammotion-n": EngineEntry(
            module="mvot_plugin.engines.siammotion",
            name="SiamMotionEngine",
            purpose="SiamMOTION with a light network, for CPUs",
            network=NetworkEntry(
                module="mvot_plugin.models.light.network",
                name="LightNet",
                functions="mvot_plugin.models.light.functions:LightFunctions",
                presets="mvot_plugin.models.light.config",
                weights="siammotion-n",
                has_graphs=True,
                kind="siammotion-n",
            ),
        ),
        "siammt": _correlation(
            "SiamMT", "siammt", "SiamMT: whole-frame features, pairwise correlation"
        ),
        "siammt-w": _correlation(
            "SiamMT", "siamfc", "SiamMT with the weights of SiamFC, unchanged"
        ),
    }
)
"""The entries of our engines, by the names that users give."""
