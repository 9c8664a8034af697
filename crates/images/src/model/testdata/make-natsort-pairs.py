#!/usr/bin/env python3
"""Writes natsort-pairs.json: how natsort (default settings) orders pairs of texts."""
import json
import os
import random

from natsort import natsort_keygen

key = natsort_keygen()
words = ["", "1", "01", "10", "2", "20240819", "20240819-1", "20240819.1", "2.10", "2.9", "1.11.3", "1.2.30", "v1",
         "V1", "v10", "v9", "a", "B", "b", "A b", "A  b", " a", "a ", "a1b2", "a1b10", "a1b", "1a", "a", "latest", "25.7",
         "25.10", "2025-07-22", "2025-7-22", "9" * 30, "1" + "0" * 30, "-1", "+1", "1-1", "ubuntu-24.04", "a_b", "a.b",
         "37", "40", "4081.2.0", "4081.10.0", "1443.3", "1443.10", "(2)", "rc1", "RC1", "1.0rc1", "1.0"]
rng = random.Random(1)
words += ["".join(rng.choice("0123ab.AB -") for _ in range(rng.randint(1, 7))) for _ in range(60)]
rows = []
for _ in range(3000):
    left, right = rng.choice(words), rng.choice(words)
    l, r = key(left), key(right)
    rows.append([left, right, (l > r) - (l < r)])
path = os.path.join(os.path.dirname(os.path.abspath(__file__)), "natsort-pairs.json")
with open(path, "w", encoding="utf-8") as out:
    out.write("[\n" + ",\n".join(json.dumps(row) for row in rows) + "\n]\n")
