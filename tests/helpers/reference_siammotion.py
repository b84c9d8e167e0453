"""Reference of SiamMOTION's forward pass: the paper's stages, one target at a time, unoptimised.

Maps are float32 (1, C, H, W), weights the fast network's ``state_dict``; numbers are the paper's.
Unlike in the paper, all targets are compared on level 2, in frames of the half-octave scales at
which their search areas have about 176 pixels along a side.
"""

import math
from types import SimpleNamespace

import numpy as np
import torch
from torch.nn.functional import conv2d, cosine_similarity, max_pool2d, relu
from torchvision.ops import box_convert, box_iou, roi_align

from mvot_plugin.ops.images import crop_rectangle, mean_color

STRIDES = (2, 4, 8, 16)
RATIOS = (1 / 3, 1 / 2, 1, 2, 3)


MEAN, STD = (123.675, 116.28, 103.53), (58.395, 57.12, 57.375)
LEVEL, PIXELS = 2, 176


def normalize(image):
    """A BGR uint8 image as (1, 3, H, W), in ImageNet's colours."""
    rgb = torch.from_numpy(image[:, :, ::-1].astype(np.float32))
    return ((rgb - torch.tensor(MEAN)) / torch.tensor(STD)).permute(2, 0, 1)[None]


def batch_norm(w, name, x):
    """Batch norm at inference, by its formula."""
    mean, var, gain, bias = (
        w[f"{name}.{k}"][:, None, None] for k in ("running_mean", "running_var", "weight", "bias")
    )
    return (x - mean) / (var + 1e-5).sqrt() * gain + bias


def convolve_1x1(w, name, x):
    """A 1 x 1 convolution."""
    return conv2d(x, w[f"{name}.weight"].flatten(1)[:, :, None, None], w.get(f"{name}.bias"))


def residual_block(w, name, x, stride):
    """Two 3 x 3 convolutions and a shortcut, 1 x 1 where the block changes the shape."""
    out = conv2d(x, w[f"{name}.conv1.weight"], stride=stride, padding=1)
    out = relu(batch_norm(w, f"{name}.bn1", out))
    out = conv2d(out, w[f"{name}.conv2.weight"], padding=1)
    out = batch_norm(w, f"{name}.bn2", out)
    if f"{name}.downsample.0.weight" in w:
        x = conv2d(x, w[f"{name}.downsample.0.weight"], stride=stride)
        x = batch_norm(w, f"{name}.downsample.1", x)
    return relu(out + x)


def backbone(w, image):
    """3.1: padded ResNet-18; stem, layer1, layer2 and layer3."""
    x = conv2d(image, w["backbone.conv1.weight"], stride=2, padding=3)
    maps = [relu(batch_norm(w, "backbone.bn1", x))]
    x = max_pool2d(maps[0], 3, 2, 1)
    for layer, stride in ((1, 1), (2, 2), (3, 2)):
        x = residual_block(w, f"backbone.layer{layer}.0", x, stride)
        x = residual_block(w, f"backbone.layer{layer}.1", x, 1)
        maps.append(x)
    return maps


def upsample(x):
    """Twice the size, bilinear: row j is sampled at j / 2, TensorFlow 1's convention."""
    for axis in (2, 3):
        count, lines = x.shape[axis], []
        for j in range(2 * count):
            low, share = j // 2, (j % 2) / 2
            high = min(low + 1, count - 1)
            lines.append((1 - share) * x.select(axis, low) + share * x.select(axis, high))
        x = torch.stack(lines, axis)
    return x


def pyramid(w, features):
    """3.2.1: lateral 1 x 1, top-down bilinear, the mean of the two, then 3 x 3; finest first."""
    merged = None
    maps = []
    for level in (3, 2, 1, 0):
        side = convolve_1x1(w, f"neck.lateral.{level}", features[level])
        merged = side if merged is None else (side + upsample(merged)) / 2
        smooth = w[f"neck.smooth.{level}.weight"], w[f"neck.smooth.{level}.bias"]
        maps.append(conv2d(merged, *smooth, padding=1))
    return maps[::-1]


def exemplar_side(box):
    """Eq. 6: the side of the area that 15 x 15 bins cover."""
    width, height = (float(side) for side in (box[2] - box[0], box[3] - box[1]))
    margin = 0.5 * (width + height)
    return math.sqrt((width + margin) * (height + margin))


def square_area(box, side):
    """A square (x0, y0, x1, y1) with the centre of a box."""
    centre = [float(box[0] + box[2]) / 2, float(box[1] + box[3]) / 2]
    return [c - side / 2 for c in centre] + [c + side / 2 for c in centre]


def pyramid_level(side):
    """Eq. 1, of a square search area."""
    return min(max(math.floor(3 + math.log2(side / (8 * (255 // 8)))), 1), 4)


def octave(side, pixels=PIXELS):
    """The half octaves at which a search area is nearest to so many pixels along a side."""
    return round(2 * math.log2(pixels / side))


def rescale(image, factor):
    """The image at a scale, its sides multiples of 16, its mean colour beyond the edge."""
    height, width = (math.ceil(side * factor / 16) * 16 for side in image.shape[:2])
    return crop_rectangle(image, factor, (0.0, 0.0), (width, height), mean_color(image))


def crop(x, stride, area, bins):
    """RoI Align with one sample a bin; cell 0 of a padded network is centred on pixel 0.5."""
    shifted = torch.tensor([area]) + (stride - 1) / 2
    return roi_align(x, [shifted], bins, spatial_scale=1 / stride, sampling_ratio=1, aligned=True)


def channel_mask(w, branch, x):
    """Fig. 5: softmax of the cosine similarity of each channel of Q and each of K, (C, C)."""
    q = convolve_1x1(w, f"attention.{branch}.query", x).flatten(2)[0]
    k = convolve_1x1(w, f"attention.{branch}.key", x).flatten(2)[0]
    cosine = cosine_similarity(q[:, None], k[None], dim=2)
    return cosine.softmax(dim=1)


def attend(w, branch, x, own, other):
    """X + w^s A V^s + w^c A' V^c, where A' is the mask of the other branch."""
    weights = w[f"attention.{branch}.weights"]
    self_part = torch.einsum("ij,bjhw->bihw", own, convolve_1x1(w, f"attention.{branch}.value", x))
    cross_part = torch.einsum(
        "ij,bjhw->bihw", other, convolve_1x1(w, f"attention.{branch}.cross", x)
    )
    return x + weights[0] * self_part + weights[1] * cross_part


def enhance_features(w, exemplar, search):
    """3.2.3: the enhanced features of an exemplar and of its search area."""
    masks = channel_mask(w, "exemplar", exemplar), channel_mask(w, "search", search)
    return (
        attend(w, "exemplar", exemplar, masks[0], masks[1]),
        attend(w, "search", search, masks[1], masks[0]),
    )


def specialise(w, branch, x):
    """The 3 x 3 convolution of a branch before the correlation."""
    x = conv2d(x, w[f"head.{branch}.0.weight"])
    return relu(batch_norm(w, f"head.{branch}.1", x))


def correlate_depthwise(search, exemplar):
    """Each channel of a search area under the same channel of the exemplar."""
    pairs = zip(search.split(1, 1), exemplar.split(1, 1), strict=True)
    return torch.cat([conv2d(area, kernel) for area, kernel in pairs], dim=1)


def proposal_network(w, exemplar, search):
    """3.3.1, Fig. 6: (2, K, h, w) background and target logits, (K, 4, h, w) regression."""
    compared = correlate_depthwise(
        specialise(w, "search", search), specialise(w, "exemplar", exemplar)
    )
    for_classes, for_boxes = compared.chunk(2, dim=1)
    classes = convolve_1x1(w, "head.classify", for_classes)[0]
    deltas = convolve_1x1(w, "head.regress", for_boxes)[0]
    return classes.unflatten(0, (2, -1)), deltas.unflatten(0, (-1, 4))


def decode_boxes(deltas):
    """(K, h, w, 4) boxes (cx, cy, w, h) about the middle of the area: stride 8, anchors of 64²."""
    boxes = torch.empty(len(RATIOS), *deltas.shape[2:], 4)
    middle = (deltas.shape[2] - 1) / 2
    for k, row, column in np.ndindex(boxes.shape[:3]):
        dx, dy, dw, dh = deltas[k, :, row, column].tolist()
        width, height = 64 / math.sqrt(RATIOS[k]), 64 * math.sqrt(RATIOS[k])
        x, y = (column - middle) * 8 + dx * width, (row - middle) * 8 + dy * height
        sides = width * math.exp(dw), height * math.exp(dh)
        boxes[k, row, column] = torch.tensor([x, y, *sides])
    return boxes


def erode(scores):
    """The minimum of each position's 3 x 3 neighbourhood, on each (H, W) map."""
    out = torch.empty_like(scores)
    for k, row, column in np.ndindex(scores.shape):
        near = scores[k, max(row - 1, 0) : row + 2, max(column - 1, 0) : column + 2]
        out[k, row, column] = near.min()
    return out


def shape_penalty(box, last):
    """Eq. 3 with β = 0.05: s is SiamRPN's scale, the side of a box with its context."""
    r, s = (box[2] / box[3]) / (last[0] / last[1]), exemplar_side((0, 0, *box[2:]))
    s /= exemplar_side((0, 0, *last))
    return math.exp(-0.05 * (max(r, 1 / r) * max(s, 1 / s) - 1))


def select_box(logits, boxes, last, mask):
    """3.3.2, then box voting at 0.8 and size damping at 0.18: box (cx, cy, w, h) and score."""
    probabilities = logits.sigmoid()
    window = [0.5 - 0.5 * math.cos(2 * math.pi * i / 24) for i in range(25)]
    positions = list(np.ndindex(logits.shape))
    shapes = [shape_penalty(boxes[position].tolist(), last) for position in positions]
    scores = []
    for position, score, shape in zip(
        positions, erode(probabilities).flatten().tolist(), shapes, strict=True
    ):
        score = 0.58 * score * shape + 0.42 * window[position[1]] * window[position[2]]
        scores.append(score * (0.99 + 0.01 * float(mask[position[1:]])))
    scores = torch.tensor(scores)
    best = int(scores.argmax())
    corners = box_convert(boxes.flatten(0, 2), "cxcywh", "xyxy")
    near = box_iou(corners[best : best + 1], corners)[0] >= 0.8
    voted = (corners[near] * scores[near, None]).sum(0) / scores[near].sum()
    x, y, w, h = box_convert(voted, "xyxy", "cxcywh").tolist()
    score = float(probabilities.flatten()[best])
    rate = 0.18 * score * shapes[best]
    return [x, y, *(old + rate * (new - old) for old, new in zip(last, (w, h), strict=True))], score


def crop_area(w, image, box, bins):
    """The features of the area of a box that so many of an exemplar area's 15 bins cover."""
    area = square_area(box, exemplar_side(box) * bins / 15)
    factor = 2 ** (octave(exemplar_side(box) * 31 / 15) / 2)
    level = pyramid(w, backbone(w, normalize(rescale(image, factor))))[LEVEL - 1]
    return crop(level, STRIDES[LEVEL - 1], [factor * side for side in area], bins)


def track_target(network, first, then, before, predicted):
    """One target from enrolment on image ``first`` to proposals on ``then``, on full feature maps.

    ``before`` and ``predicted`` are its boxes (x0, y0, x1, y1) on the two.
    """
    w = network.state_dict()
    exemplar, search = crop_area(w, first, before, 7), crop_area(w, then, predicted, 31)
    enhanced = enhance_features(w, exemplar, search)
    classes, deltas = proposal_network(w, *enhanced)
    return SimpleNamespace(
        exemplar=exemplar,
        search=search,
        enhanced=enhanced,
        deltas=deltas,
        unit=exemplar_side(predicted) * 31 / 15 / (8 * 31),
        logits=classes[1] - classes[0],
        boxes=decode_boxes(deltas),
    )
