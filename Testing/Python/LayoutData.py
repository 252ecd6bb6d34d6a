# SPDX-License-Identifier: BSD-3-Clause
"""Three data sets that trees are drawn of, and where the trees of two layouts are kept."""
import pathlib

import numpy as np
from vtkmodules.vtkCommonCore import vtkIntArray, vtkStringArray
from vtkmodules.vtkCommonDataModel import vtkTable

import FeatureTables as ft
import ImageCollection as ic

POSITIONS = pathlib.Path(__file__).resolve().parents[1] / "Data" / "Layouts"
NAMES = ("model", "synthetic", "wide")


def make_wide_table(instances=1000, iterations=12, dimension=32):
    """Runs of twenty prompts in five groups: noise, then groups, then prompts."""
    random = np.random.RandomState(1)
    prompt = np.arange(instances) % 20
    group = prompt // 4
    t = np.linspace(0.0, 1.0, iterations)[:, None]
    groups = 3 * random.normal(size=(5, 1, dimension))[group]
    prompts = 2 * random.normal(size=(20, 1, dimension))[prompt]
    features = (random.normal(scale=0.5, size=(instances, 1, dimension))
                + random.normal(scale=0.1, size=(instances, iterations, dimension))
                + groups * np.clip(3 * t, 0, 1) + prompts * np.clip(3 * t - 1, 0, 1))
    table = vtkTable()
    for name, values in (("Instance", np.arange(instances)), ("PromptId", prompt), ("GroupId", group)):
        ft.set_column(table, name, np.repeat(values, iterations).astype(np.int32))
    ft.set_column(table, "Iteration", np.tile(np.arange(iterations), instances).astype(np.int32))
    ft.set_column(table, "Features", features.reshape(-1, dimension).astype(np.float32))
    fields = table.GetFieldData()
    ic.add_array(fields, vtkStringArray, "Prompts", [f"prompt {i}" for i in range(20)])
    ic.add_array(fields, vtkStringArray, "Groups", [f"group {i}" for i in range(5)])
    ic.add_array(fields, vtkIntArray, "PromptGroup", [i // 4 for i in range(20)])
    return table


def make_synthetic_table():
    return ft.make_table(instances_per_prompt=10, iterations=16)


def positions_file(name, layout):
    return POSITIONS / f"{name}-{layout}.npy"
