# SPDX-License-Identifier: BSD-3-Clause
"""The example that compares schedulers: how it aligns their iterations, its figures, its page, what it
refuses."""
import csv
import pathlib
import runpy
import sys

import Plugins

if not Plugins.with_torch():
    sys.exit()

import numpy as np
from paraview.simple import *

import ImageCollection as ic
import TreeAxes

EXAMPLE = str(Plugins.SOURCE / "Examples" / "compare_schedulers.py")
pathlib.Path("prompts.txt").write_text("Sneaker\nCoat\nDress\n")
SMALL = ["--prompts", "prompts.txt", "--instances", "3", "--steps", "8", "--seed", "4"]


def compare(*arguments):
    sys.argv = ["compare_schedulers.py", *arguments, *SMALL]
    return runpy.run_path(EXAMPLE)


def read(name):
    with open(f"out/{name}.csv", newline="") as stream:
        return list(csv.DictReader(stream))


def column(rows, name):
    return np.array([float(row[name]) for row in rows])


# Euler is DDIM with other coefficients; UniPC takes half as many steps; fresh noise leads elsewhere.
compare("DDIM", "UniPC:4", "Euler", "Euler Ancestral", "--output", "out")
assert sorted(path.name for path in pathlib.Path("out").iterdir()) == [
    "compare-schedulers.png", "levels.csv", "pairs.csv", "schedulers.csv"]
levels = read("levels")
sigmas = {}
for name, kind, steps in (("DDIM", "DDIM", 8), ("UniPC, 4", "UniPC", 4)):
    run = ic.output_of(DiffusionSampler(Prompts=["Coat"], InstancesPerPrompt=1, Scheduler=kind,
                                        InferenceSteps=steps))
    sigmas[name] = ic.array_of(run.GetPartition(0, 0).GetFieldData(), "Sigma")
assert np.allclose(column(levels, "Sigma"), sigmas["UniPC, 4"]), levels
assert column(levels, "Iteration: UniPC, 4").tolist() == [0, 1, 2, 3, 4]
assert column(levels, "Iteration: DDIM").tolist() == [0, 2, 4, 6, 8]
assert np.allclose(sigmas["DDIM"][[0, 2, 4, 6, 8]], sigmas["UniPC, 4"], rtol=1e-3), sigmas

schedulers = read("schedulers")
assert [row["scheduler"] for row in schedulers] == ["DDIM", "UniPC, 4", "Euler", "Euler Ancestral"]
assert column(schedulers, "steps").tolist() == [8, 4, 8, 8]
assert (np.abs(column(schedulers, "largest mismatch") - 1) < 1e-3).all(), schedulers
differences = column(schedulers, "final difference")
assert differences[0] == 0 and differences[2] < 0.004 < differences[1] < differences[3] / 2, differences
for row in schedulers:
    hits = column(levels, f"Prompt neighborhood hit: {row['scheduler']}")
    assert np.isclose(float(row["prompt hit"]), hits.mean()), row
pairs = {(row["first"], row["second"]): row for row in read("pairs")}
assert len(pairs) == 6
for (first, second), row in pairs.items():
    for measure in ("Twins", "Neighbor overlap", "CKA"):
        values = column(levels, f"{measure}: {first} - {second}")
        assert np.isclose(float(row[measure]), values.mean()) and (0 <= values).all(), row
same = column(levels, "Twins: DDIM - Euler")
apart = column(levels, "Twins: DDIM - Euler Ancestral")
# All prompts start from the same noise, where one image is as near as the other.
assert (same[1:] == 1).all() and apart[-1] < 1, (same, apart)
assert float(pairs["DDIM", "Euler"]["CKA"]) > 0.999 > float(pairs["DDIM", "Euler Ancestral"]["CKA"])

# The trees share their points' plane, and their rings say the noise level.
trees = [source for source in GetSources().values() if source.GetXMLName() == "EvolutionaryEmbedding"]
outputs = [ic.output_of(tree) for tree in trees]
assert len(outputs) == 4
for output in outputs:
    assert output.GetNumberOfPoints() == 9 * 5
    assert np.allclose(ic.array_of(output.GetPointData(), "Sigma")[:5], column(levels, "Sigma"))
places = [np.array([output.GetPoint(i)[:2] for i in range(output.GetNumberOfPoints())])
          for output in outputs]
reach = np.ptp(places[0], axis=0).max()
assert np.abs(places[2] - places[0]).max() < reach / 10

# The page has ink where trees, images, charts and figures belong, and nothing is cut off.
page = TreeAxes.read_png("out/compare-schedulers.png")
height, width, _ = page.shape
assert width == 1654 and height >= 2338, page.shape
inked = (page[:height // 8 * 8].min(axis=2) < 200).reshape(8, height // 8, width).mean(axis=(1, 2))
assert (inked > 0.002).all(), inked
assert (np.concatenate([page[:, 0], page[:, -1], page[0], page[-1]]) == 255).all()

for words, arguments in (
        ("There is no scheduler 'Euler Descendent'; choose from DDPM, DDIM, ", ["DDIM", "Euler Descendent"]),
        ("DDIM is listed twice; remove one.", ["DDIM", "DDIM"]),
        ("There is no instance 9 to show; choose from 0 to 8.", ["DDIM:2", "--show", "9"])):
    try:
        compare(*arguments, "--output", "refused")
    except SystemExit as end:
        assert words in str(end), end
    else:
        raise AssertionError(arguments)
