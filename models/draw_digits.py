#!/usr/bin/env python3
"""Draw the ten digits in digits/: strokes of a round pen, dark on white, a little unsteady and off centre.

They stand in for a test set where there is none. Coordinates are hundredths of the digit's own box, x to the
right and y down; each stroke is a smooth curve through its points. Needs NumPy.
"""
import os
import struct
import sys
import zlib

import numpy as np

SIDE = 160  # pixels

STROKES = {
    0: [[(58, 4), (34, 10), (18, 34), (16, 62), (30, 90), (54, 96), (76, 78), (82, 48), (74, 16), (54, 3)]],
    1: [[(38, 20), (52, 5), (51, 35), (49, 66), (48, 96)]],
    2: [[(18, 26), (30, 8), (54, 3), (72, 16), (72, 36), (56, 58), (34, 78), (16, 94)],
        [(16, 94), (38, 92), (60, 94), (84, 93)]],
    3: [[(20, 14), (40, 4), (64, 8), (70, 24), (58, 40), (40, 47)],
        [(40, 47), (64, 50), (78, 66), (70, 88), (46, 97), (18, 88)]],
    4: [[(34, 6), (28, 28), (18, 56)], [(18, 56), (44, 57), (84, 54)],
        [(66, 8), (63, 40), (60, 70), (58, 97)]],
    5: [[(30, 6), (28, 24), (24, 46)], [(24, 46), (46, 38), (68, 48), (76, 68), (62, 90), (38, 97), (14, 88)],
        [(30, 6), (52, 7), (78, 4)]],
    6: [[(66, 4), (46, 16), (28, 42), (20, 70), (32, 93), (56, 96), (74, 82), (70, 62), (50, 54), (32, 62),
         (22, 74)]],
    7: [[(14, 10), (38, 9), (60, 8), (82, 7)], [(82, 7), (68, 34), (54, 62), (42, 96)]],
    8: [[(66, 16), (46, 4), (28, 14), (32, 34), (54, 50), (74, 70), (68, 92), (44, 97), (24, 86), (28, 66),
         (50, 48), (68, 32), (66, 15)]],
    9: [[(72, 22), (54, 6), (32, 12), (24, 32), (36, 50), (56, 48), (70, 34), (73, 22)],
        [(73, 22), (72, 48), (66, 74), (58, 97)]],
}


def curve(points, steps=60):
    """A Catmull-Rom spline through the points."""
    p = np.array([points[0], *points, points[-1]], float)
    t = np.linspace(0, 1, steps, endpoint=False)[:, None]
    pieces = [0.5 * (2 * b + t * (c - a + t * (2 * a - 5 * b + 4 * c - d + t * (3 * b - a - 3 * c + d))))
              for a, b, c, d in zip(p, p[1:], p[2:], p[3:])]
    return np.concatenate(pieces + [p[-1:]])


def wander(random, count, amount):
    """Smooth noise along a stroke: a hand's, not a machine's."""
    knots = random.normal(0, amount, max(3, count // 50))
    return np.interp(np.linspace(0, 1, count), np.linspace(0, 1, len(knots)), knots)


def draw(digit):
    random = np.random.default_rng(100 + digit)
    height = random.uniform(92, 112)
    width = height * random.uniform(0.68, 0.8)
    angle = np.radians(random.uniform(-5, 5))
    slant = random.uniform(0.02, 0.14)
    pen = random.uniform(4.6, 6.0)
    centre = SIDE / 2 + random.uniform(-13, 13, 2)
    ink = random.uniform(25, 60)

    y, x = np.mgrid[0:SIDE, 0:SIDE] + 0.5
    covered = np.zeros((SIDE, SIDE))
    for stroke in STROKES[digit]:
        at = (curve(stroke) - 50) / 100 * [width, height]
        at[:, 0] -= slant * at[:, 1]
        at = at @ [[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]] + centre
        at[:, 0] += wander(random, len(at), 0.8)
        at[:, 1] += wander(random, len(at), 0.8)
        for (px, py), radius in zip(at, pen + wander(random, len(at), 0.5)):
            covered = np.maximum(covered, np.clip(radius - np.hypot(x - px, y - py) + 0.5, 0, 1))
    return np.rint(255 - covered * (255 - ink)).astype(np.uint8)


def write_png(path, gray):
    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
    height, width = gray.shape
    rows = b"".join(b"\0" + row.tobytes() for row in gray)
    with open(path, "wb") as f:
        f.write(b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">2I5B", width, height, 8, 0, 0, 0, 0)) +
                chunk(b"IDAT", zlib.compress(rows, 9)) + chunk(b"IEND", b""))


if __name__ == "__main__":
    here = os.path.dirname(os.path.abspath(__file__))
    folder = sys.argv[1] if len(sys.argv) > 1 else os.path.join(here, "digits")
    os.makedirs(folder, exist_ok=True)
    for digit in STROKES:
        write_png(os.path.join(folder, f"{digit}.png"), draw(digit))
