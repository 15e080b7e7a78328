"""The shape of a person in one picture: a map of body parts."""

from typing import NamedTuple

import cv2
import numpy as np

from nfs_keras.datasets.synthetic.person import Part, Person

SHIFT = 4  # OpenCV draws at 1 / 2**SHIFT of a pixel
DEPTH = 0.62  # a body's depth as a fraction of its width
TILT = 0.12  # how steeply the camera looks down


class Pose(NamedTuple):
    """How a person stands in one picture."""

    yaw: float  # radians, 0 faces the camera
    phase: float  # radians of the walking cycle
    stride: float  # radians, the largest swing of a leg
    scale: float  # pixels per body height
    centre: float  # pixels, x of the body's axis
    ground: float  # pixels, y of the feet


class Figure:
    """Draws a person into a map of body parts.

    The person stands at the origin of a right-handed frame: x to their
    left, y up, z where they look; one unit is the average body height.

    Args:
        person: A `Person`.
        pose: A `Pose`.
        image_shape: `(height, width)` of the map in pixels.
    """

    def __init__(self, person: Person, pose: Pose, image_shape):
        self.person = person
        self.pose = pose
        self.parts = np.zeros(image_shape, np.uint8)
        self.cos, self.sin = np.cos(pose.yaw), np.sin(pose.yaw)

    def draw(self) -> np.ndarray:
        """Draws everything, the farthest first.

        Returns:
            uint8 array of `image_shape` that holds `Part` values.
        """
        legs = sorted((-1, 1), key=self.side_depth)
        facing = self.cos > 0
        if facing:
            self.draw_backpack()
            self.draw_hair_fall()
        self.draw_arm(legs[0])
        for side in legs:
            self.draw_leg(side)
        self.draw_skirt()
        self.draw_torso()
        self.draw_head()
        if not facing:
            self.draw_hair_fall()
            self.draw_backpack()
        self.draw_arm(legs[1])
        self.draw_carried()
        return self.parts

    def side_depth(self, side):
        return -side * self.sin

    # Geometry

    def pixels(self, points):
        """Projects points (n, 3) to pixels (n, 2)."""
        x, y, z = np.asarray(points, float).reshape(-1, 3).T
        across = x * self.cos + z * self.sin
        toward = z * self.cos - x * self.sin
        pose = self.pose
        return np.stack(
            [
                pose.centre + across * pose.scale,
                pose.ground - (y - TILT * toward) * pose.scale,
            ],
            axis=1,
        )

    def width(self, half_width):
        """Half width, in pixels, of a body part seen from this side."""
        seen = np.hypot(self.cos, DEPTH * self.sin)
        return half_width * self.person.girth * seen * self.pose.scale

    def fill(self, corners, part):
        corners = np.round(np.asarray(corners) * 2**SHIFT).astype(np.int32)
        cv2.fillPoly(self.parts, [corners], int(part), cv2.LINE_8, SHIFT)

    def fill_ellipse(self, centre, axes, part):
        centre, axes = (
            tuple(int(round(v * 2**SHIFT)) for v in pair)
            for pair in (centre, axes)
        )
        cv2.ellipse(
            self.parts,
            centre,
            axes,
            0,
            0,
            360,
            int(part),
            -1,
            cv2.LINE_8,
            SHIFT,
        )

    def fill_rows(self, rows, part):
        """Fills a shape given as rows of (x, y, half width) in pixels."""
        rows = np.asarray(rows)
        left = np.stack([rows[:, 0] - rows[:, 2], rows[:, 1]], 1)
        right = np.stack([rows[:, 0] + rows[:, 2], rows[:, 1]], 1)
        self.fill(np.concatenate([left, right[::-1]]), part)

    def fill_limb(self, points, radii, part):
        """Fills a chain of tapered bones; points and radii in pixels."""
        for i in range(len(points) - 1):
            a, b = points[i], points[i + 1]
            along = b - a
            length = np.hypot(*along)
            if length > 1e-6:
                normal = np.array([-along[1], along[0]]) / length
                na, nb = normal * radii[i], normal * radii[i + 1]
                self.fill([a + na, b + nb, b - nb, a - na], part)
        for point, radius in zip(points, radii, strict=True):
            self.fill_ellipse(point, (radius, radius), part)

    # Legs

    def leg_joints(self, side):
        person, pose = self.person, self.pose
        swing = pose.stride * np.sin(pose.phase) * side
        bend = pose.stride * max(0.0, np.cos(pose.phase) * side) * 1.2
        x = side * person.hip * 0.5 * person.girth
        bone = (person.leg - 0.035) / 2
        hip = np.array([x, person.leg, 0.0])
        knee = hip + bone * np.array([0, -np.cos(swing), np.sin(swing)])
        low = swing - bend
        ankle = knee + bone * np.array([0, -np.cos(low), np.sin(low)])
        toe = ankle + np.array([side * 0.012, -0.02, 0.07])
        return hip, knee, ankle, toe

    def draw_leg(self, side):
        person = self.person
        joints = self.leg_joints(side)
        hip, knee, ankle, toe = self.pixels(joints)
        girth = person.girth * self.pose.scale
        radii = np.array([0.046, 0.034, 0.022]) * girth
        self.fill_limb([hip, knee, ankle], radii, Part.SKIN)
        if person.sock:
            self.fill_part_of_leg(
                (hip, knee, ankle), radii * 1.15, person.sock, Part.SOCK, True
            )
        if person.lower != "skirt":
            wide = np.array([0.05, 0.041, 0.034]) * girth * person.lower_width
            self.fill_part_of_leg(
                (hip, knee, ankle), wide, person.lower_hem, Part.LOWER, False
            )
        self.fill_limb([ankle, toe], np.array([0.026, 0.02]) * girth, Part.SHOE)

    def fill_part_of_leg(self, joints, radii, height, part, below):
        """Fills a leg above or below `height` (measured along the leg)."""
        top = self.person.leg
        reach = np.clip((top - height) / (top - 0.035), 0.0, 1.0) * 2
        knots = np.array([0.0, 1.0, 2.0])
        cut = [np.interp(reach, knots, [j[i] for j in joints]) for i in (0, 1)]
        radius = np.interp(reach, knots, radii)
        keep = knots > reach if below else knots < reach
        points = [np.array(cut)] + [j for j, k in zip(joints, keep) if k]
        sizes = [radius] + [r for r, k in zip(radii, keep) if k]
        order = slice(None) if below else slice(None)
        if not below:
            points, sizes = points[1:] + points[:1], sizes[1:] + sizes[:1]
        self.fill_limb(points[order], sizes[order], part)

    def draw_skirt(self):
        person = self.person
        (x, y), (_, low) = self.pixels(
            [(0, person.leg + 0.06, 0), (0, person.lower_hem, 0)]
        )
        if person.lower != "skirt":
            low = self.pixels([(0, person.leg - 0.03, 0)])[0][1]
            wide = self.width(person.hip)
        else:
            wide = self.width(person.hip * (0.75 + 0.55 * person.lower_width))
        rows = [
            (x, y, self.width(person.waist)),
            (x, (2 * y + low) / 3, self.width(person.hip)),
            (x, low, wide),
        ]
        self.fill_rows(rows, Part.LOWER)

    # Torso

    def torso_rows(self):
        """Rows (x, y, half width) from the neck down to the hem."""
        person = self.person
        profile = [
            (0.845, 0.035),
            (0.815, person.shoulder * 0.82),
            (0.785, person.shoulder),
            (0.70, 0.5 * person.shoulder + 0.5 * person.waist + 0.008),
            (0.61, person.waist),
            (0.53, person.hip),
        ]
        hem = person.hem
        wide = person.hip * (1 + (person.flare - 1) * (0.56 - hem) * 4)
        rows = [row for row in profile if row[0] > hem + 0.02]
        rows.append((hem, max(wide, rows[-1][1])))
        x = self.pixels([(0, 0.7, 0)])[0][0]
        return [
            (x, self.pixels([(0, y, 0)])[0][1], self.width(half) * 1.06)
            for y, half in rows
        ]

    def draw_torso(self):
        rows = np.array(self.torso_rows())
        self.fill_rows(rows, Part.UPPER)
        top, hem = rows[1, 1], rows[-1, 1]
        self.draw_pattern(rows, top, hem)
        if self.person.opening and self.cos > 0.3:
            centre = self.sin * 0.3
            self.fill_patch(
                rows, (top, hem), centre, self.person.opening, Part.INNER
            )

    def draw_pattern(self, rows, top, hem):
        person = self.person
        span = hem - top
        if person.pattern == "hoops":
            period = span / person.pattern_count
            for i in range(person.pattern_count):
                y = top + period * (i + 0.25 + 0.25 * person.pattern_place)
                band = (y, y + period * person.pattern_width)
                self.fill_patch(rows, band, 0, 1, Part.PATTERN)
        elif person.pattern == "stripes":
            count = person.pattern_count + 1
            for i in range(count):
                u = (2 * i + 1) / count - 1
                half = person.pattern_width / count
                self.fill_patch(rows, (top, hem), u, half, Part.PATTERN)
        elif person.pattern == "panel":
            y = top + span * (0.1 + 0.35 * person.pattern_place)
            band = (y, y + span * (0.2 + 0.5 * person.pattern_width))
            half = 0.25 + 0.12 * person.pattern_count
            self.fill_patch(rows, band, 0, half, Part.PATTERN)
        elif person.pattern == "yoke":
            depth = 0.2 + 0.3 * person.pattern_place
            band = (rows[0, 1], top + span * depth)
            self.fill_patch(rows, band, 0, 1, Part.PATTERN)
        elif person.pattern == "base":
            depth = 0.45 + 0.35 * person.pattern_place
            self.fill_patch(rows, (top + span * depth, hem), 0, 1, Part.PATTERN)

    def fill_patch(self, rows, band, centre, half, part):
        """Fills a patch of the torso: a band of y, centred at `centre`."""
        inner = rows[(rows[:, 1] > band[0]) & (rows[:, 1] < band[1]), 1]
        ys = np.concatenate([[band[0]], inner, [band[1]]])
        wide = np.interp(ys, rows[:, 1], rows[:, 2])
        low = np.clip(centre - half, -1, 1)
        high = np.clip(centre + half, -1, 1)
        middle = rows[0, 0] + wide * (low + high) / 2
        patch = np.stack([middle, ys, wide * (high - low) / 2], axis=1)
        self.fill_rows(patch, part)

    # Arms

    def arm_joints(self, side):
        person, pose = self.person, self.pose
        swing = -0.7 * pose.stride * np.sin(pose.phase) * side
        carrying = person.bag == "tote" and side == person.bag_side
        swing *= 0.3 if carrying else 1.0
        out = 0.12
        x = side * (person.shoulder * person.girth - 0.012)
        shoulder = np.array([x, 0.79, 0.0])
        along = np.array([side * out, -np.cos(swing), np.sin(swing)])
        elbow = shoulder + 0.165 * along
        low = swing + (0.05 if carrying else 0.25)
        along = np.array([side * out * 0.3, -np.cos(low), np.sin(low)])
        return shoulder, elbow, elbow + 0.16 * along

    def draw_arm(self, side):
        person = self.person
        shoulder, elbow, wrist = self.pixels(self.arm_joints(side))
        girth = person.girth * self.pose.scale
        radii = np.array([0.029, 0.024, 0.018]) * girth
        self.fill_limb([shoulder, elbow, wrist], radii, Part.SKIN)
        hand = wrist + (wrist - elbow) * 0.12
        self.fill_ellipse(hand, (0.02 * girth,) * 2, Part.SKIN)
        if not person.sleeve:
            return
        wide = radii * np.array([1.0, 1.1, 1.2]) * person.sleeve_width
        wide[0] = radii[0] * 1.15
        if person.sleeve <= 0.5:
            end = shoulder + (elbow - shoulder) * person.sleeve * 2
            self.fill_limb([shoulder, end], wide[:2], Part.SLEEVE)
        else:
            self.fill_limb([shoulder, elbow, wrist], wide, Part.SLEEVE)

    # Head

    def draw_head(self):
        person, scale = self.person, self.pose.scale
        middle = np.array([0, 1 - person.head, 0.01])
        head = self.pixels([middle])[0]
        neck = self.pixels([(0, 0.83, 0)])[0]
        size = person.head * scale
        self.fill_limb([head, neck], [size * 0.55, size * 0.6], Part.SKIN)
        axes = np.array([size * 0.78, size])
        if person.hair == "bald":
            self.fill_ellipse(head, axes, Part.SKIN)
        else:
            top = head - (0, 0.08 * size)
            self.fill_ellipse(top, axes * person.hair_volume, Part.HAIR)
            self.draw_face(head, axes)
        if person.hair == "bun":
            bun = head - (self.sin * size * 0.6, size * 1.15)
            self.fill_ellipse(bun, (size * 0.45,) * 2, Part.HAIR)
        self.draw_hat(head, axes)
        if person.scarf:
            self.fill_ellipse(neck, (size * 1.05, size * 0.5), Part.SCARF)

    def draw_face(self, head, axes):
        if self.cos < -0.25:
            return
        shown = np.clip(0.35 + self.cos, 0.3, 1.0)
        centre = head + (self.sin * axes[0] * 0.5, axes[1] * 0.22)
        self.fill_ellipse(
            centre, (axes[0] * 0.85 * shown, axes[1] * 0.78), Part.SKIN
        )

    def draw_hat(self, head, axes):
        hat = self.person.hat
        if hat == "none":
            return
        part = Part.UPPER if hat == "hood" else Part.HAT
        wide = max(self.person.hair_volume, 1.1) * 1.02 * axes
        if hat == "hood":
            self.fill_ellipse(head - (0, axes[1] * 0.05), wide * 1.12, part)
            self.draw_face(head, axes * 0.85)
            return
        x, y = head
        cv2.ellipse(
            self.parts,
            (int(round(x)), int(round(y - axes[1] * 0.12))),
            (int(round(wide[0])), int(round(wide[1] * 1.05))),
            0,
            180,
            360,
            int(part),
            -1,
        )
        brim = 1.7 if hat == "brim" else 1.15
        shift = 0.0 if hat == "brim" else self.sin * axes[0] * 0.7
        self.fill_ellipse(
            (x + shift, y - axes[1] * 0.15),
            (wide[0] * brim, axes[1] * 0.2),
            part,
        )

    def draw_hair_fall(self):
        """Draws hair that hangs below the head."""
        person = self.person
        if person.hair not in ("bob", "long", "ponytail"):
            return
        length = {"bob": 0.16, "long": 0.27, "ponytail": 0.26}[person.hair]
        wide = {"bob": 1.05, "long": 1.0, "ponytail": 0.35}[person.hair]
        wide *= person.head * person.hair_volume * self.pose.scale * 0.85
        back = -0.03
        top, low = self.pixels(
            [(0, 1 - person.head, back), (0, 1 - length, back - 0.02)]
        )
        self.fill_rows([(*top, wide), (*low, wide * 0.95)], Part.HAIR)
        self.fill_ellipse(low, (wide * 0.95, wide * 0.4), Part.HAIR)

    # Bags

    def draw_backpack(self):
        person = self.person
        if person.bag != "backpack":
            return
        depth = -(person.waist * DEPTH * person.girth + 0.05)
        x, y = self.pixels([(0, 0.68, depth)])[0]
        size = person.bag_size * self.pose.scale
        wide = size * np.hypot(0.085 * self.cos, 0.06 * self.sin)
        tall = size * 0.12
        rows = [
            (x, y - tall, wide * 0.75),
            (x, y - tall * 0.75, wide),
            (x, y + tall * 0.85, wide * 1.05),
            (x, y + tall, wide * 0.9),
        ]
        self.fill_rows(rows, Part.BAG)

    def draw_carried(self):
        person = self.person
        if person.bag == "backpack" and self.cos > 0:
            for side in (-1, 1):
                x = side * person.shoulder * 0.55 * person.girth
                strap = self.pixels([(x, 0.82, 0.03), (x, 0.66, 0.06)])
                self.draw_strap(strap)
        elif person.bag == "shoulder":
            side = person.bag_side
            x = side * (person.hip * person.girth + 0.01)
            over = -side * person.shoulder * 0.6 * person.girth
            z = 0.05 * np.sign(self.cos)
            self.draw_strap(self.pixels([(over, 0.82, z), (x, 0.5, z)]))
            self.draw_pouch((x, 0.47, 0.0), 0.065, 0.055)
        elif person.bag == "tote":
            wrist = self.arm_joints(person.bag_side)[2]
            self.draw_pouch(wrist - (0, 0.11, 0), 0.06, 0.075)

    def draw_strap(self, ends):
        radius = 0.014 * self.pose.scale
        self.fill_limb(ends, [radius, radius], Part.STRAP)

    def draw_pouch(self, centre, wide, tall):
        x, y = self.pixels([centre])[0]
        size = self.person.bag_size * self.pose.scale
        wide = wide * size * np.hypot(self.sin, 0.75 * self.cos)
        tall = tall * size
        rows = [(x, y - tall, wide * 0.85), (x, y + tall, wide)]
        self.fill_rows(rows, Part.BAG)
