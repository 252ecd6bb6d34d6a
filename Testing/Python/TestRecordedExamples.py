# SPDX-License-Identifier: BSD-3-Clause
"""The examples of recorded data run and write what they say."""
import pathlib
import runpy
import sys

from paraview.simple import OpenDataFile, SaveData

import ImageCollection as ic
import Plugins


def expect_tree(example, points):
    path = pathlib.Path("tree.vtp")
    path.unlink(missing_ok=True)
    runpy.run_path(str(Plugins.SOURCE / "Examples" / example))
    tree = ic.output_of(OpenDataFile(str(path.resolve())))
    assert tree.GetNumberOfPoints() == points, tree.GetNumberOfPoints()
    assert tree.GetFieldData().GetAbstractArray("Prompts")


expect_tree("recorded_features.py", 30 * 20)
if Plugins.with_torch():
    collection = ic.make_collection(width=28, height=28, components=1, instances_per_prompt=5)
    SaveData("run/run.json", ic.as_source(collection))
    sys.argv = ["recorded_run.py", "run/run.json"]
    expect_tree("recorded_run.py", 15 * 6)
    assert pathlib.Path("film-strip.png").stat().st_size > 0
