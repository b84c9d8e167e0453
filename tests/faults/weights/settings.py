"""Settings of networks that no network has, as JSON."""

__all__ = ["SETTINGS"]

_DIGITS, _DEEP = "9" * 4000, "[" * 900 + "1" + "]" * 900
_ANY = [
    "[1, 2]",
    "null",
    '"text"',
    "[" * 100_000,
    '"unknown": 1',
    '"calibration": [NaN, 0]',
    '"calibration": [1e999, 0]',
    '"calibration": [1]',
    '"calibration": "auto"',
    f'"calibration": {_DEEP}',
    f'"context": {_DIGITS}',
    f'"context": {_DIGITS}{_DIGITS}',
    '"context": -1',
    '"context": NaN',
    '"context": true',
    '"context": null',
]
SETTINGS = {
    "siamfc": [
        *_ANY,
        '"exemplar": 1000000000',
        '"exemplar": 0',
        '"exemplar": -127',
        '"exemplar": 500',
        '"search": 100',
        '"search": 1e400',
        '"channels": [96, 256, 384, 384]',
        '"channels": [97, 255, 383, 383, 255]',
        '"channels": [1000000000, 2, 2, 2, 2]',
        '"channels": [0, 0, 0, 0, 0]',
        '"channels": {"a": 1}',
        '"frame_calibration": [0, NaN]',
    ],
    "siammotion-n": [
        '"backbone": "lite0"',
        '"width": 1000000000',
        '"width": 0',
        '"width": 49',
        '"head_width": 1000000000',
        '"head_width": 0',
        '"head_width": 65',
        '"search_bins": 1000000',
        '"search_bins": 3',
        '"exemplar_kept": 0',
        '"exemplar_kept": 9',
        '"exemplar_kept": 16, "search_bins": 8',
        '"known": 1000000000',
        '"known": 0',
        '"inertia_hidden": 1000000000',
        '"inertia": 1',
        '"attention": 1',
        '"attention": false',
    ],
}
"""By engine: what stands behind the network's own settings, or in their place."""
