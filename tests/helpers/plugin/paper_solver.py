"""Section 3.4 of SiamMOT with lists and loops, to compare the solver with."""

from dataclasses import dataclass


@dataclass
class Trajectory:
    """One that is continued or lost."""

    id: int
    box: list
    class_id: int
    last_visible: float
    reported: bool = True


class PaperSolver:
    """Takes the boxes and visibilities of all trajectories, and detections as (box, score, class).

    After each frame, ``left_out`` is how many detections were not born for want of room.
    """

    alpha, beta, tau, suppress, nms, inside = 0.4, 0.6, 1.0, 0.5, 0.5, 0.3

    def __init__(self, size, room):
        self.size, self.room = size, room
        self.trajectories, self.typical, self.count, self.left_out = [], None, 0, 0

    def step(self, time, boxes, visibilities, detections):
        """One frame; ``detections`` are None where no detector ran."""
        for trajectory, box in zip(self.trajectories, boxes, strict=True):
            trajectory.box = box
        tracked = self.find_tracked(boxes, visibilities)
        taken, births = {}, []
        if detections is not None:
            taken, births = self.match(tracked, detections)
        for row, trajectory in enumerate(self.trajectories):
            trajectory.reported = row in tracked or row in taken
            if row in taken:
                trajectory.box = detections[taken[row]][0]
            if trajectory.reported:
                trajectory.last_visible = time
        self.trajectories = [
            one
            for row, one in enumerate(self.trajectories)
            if (one.reported or time - one.last_visible < self.tau - 1e-6)
            and (row in taken or self.is_inside(one.box))
        ]
        self.left_out = max(len(births) - (self.room - len(self.trajectories)), 0)
        surest = sorted(births, key=lambda number: -detections[number][1])
        for number in sorted(surest[: len(births) - self.left_out]):
            self.count += 1
            box, _, class_id = detections[number]
            self.trajectories.append(Trajectory(self.count, box, class_id, time))

    def find_tracked(self, boxes, visibilities):
        """Rows of the targets that are visible, after NMS."""
        visible = [row for row in range(len(boxes)) if visibilities[row] >= self.alpha]
        kept = suppress([boxes[row] for row in visible], [visibilities[r] for r in visible])
        return [visible[number] for number in kept]

    def match(self, tracked, detections):
        """The detection that each row takes, and the detections that are born."""
        sure = self.find_sure([score for _, score, _ in detections])
        kept = suppress([one[0] for one in detections], [one[1] for one in detections])
        suppressed = [
            number
            for number in kept
            if any(iou(self.trajectories[row].box, detections[number][0]) >= 0.5 for row in tracked)
        ]
        births = [number for number in kept if number not in suppressed and sure[number]]
        lost = [row for row in range(len(self.trajectories)) if row not in tracked]
        taken = self.assign(tracked, suppressed, detections)
        taken |= self.assign(lost, births, detections)
        return taken, [number for number in births if number not in taken.values()]

    def find_sure(self, scores):
        """Which scores are at least ``beta`` of the typical one."""
        if sum(scores) > 0:
            mean = sum(score**2 for score in scores) / sum(scores)
            last = mean if self.typical is None else self.typical
            self.typical = 0.9 * last + 0.1 * mean
        return [score >= self.beta * (self.typical or 1) for score in scores]

    def assign(self, rows, numbers, detections):
        """Of all ways to give detections to targets of their class, the one of the largest IoU."""

        def search(rows, numbers):
            if not rows:
                return 0.0, {}
            first, *rest = rows
            best = search(rest, numbers)
            for number in numbers:
                box, _, class_id = detections[number]
                overlap = iou(self.trajectories[first].box, box)
                if overlap >= self.suppress and self.trajectories[first].class_id == class_id:
                    total, pairs = search(rest, [one for one in numbers if one != number])
                    found = total + overlap, {first: number, **pairs}
                    best = max(best, found, key=lambda pair: pair[0])
            return best

        return search(rows, numbers)[1]

    def is_inside(self, box):
        """Whether enough of a box is in the image."""
        width, height = self.size
        shared = intersection(box, [0, 0, width, height])
        return shared / ((box[2] - box[0]) * (box[3] - box[1])) >= self.inside


def suppress(boxes, scores, most=PaperSolver.nms):
    """The numbers of the boxes that NMS keeps."""
    kept = []
    for number in sorted(range(len(boxes)), key=lambda number: -scores[number]):
        if all(iou(boxes[number], boxes[other]) <= most for other in kept):
            kept.append(number)
    return kept


def intersection(a, b):
    width = max(min(a[2], b[2]) - max(a[0], b[0]), 0)
    height = max(min(a[3], b[3]) - max(a[1], b[1]), 0)
    return width * height


def iou(a, b):
    shared = intersection(a, b)
    areas = (a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1])
    return shared / (areas - shared)
