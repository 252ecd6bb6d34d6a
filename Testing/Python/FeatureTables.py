# SPDX-License-Identifier: BSD-3-Clause
"""Made-up feature tables as the feature encoder makes them."""
import json
import pathlib

import numpy as np
from vtkmodules.util.numpy_support import numpy_to_vtk
from vtkmodules.vtkCommonCore import vtkIntArray, vtkStringArray
from vtkmodules.vtkCommonDataModel import vtkTable

import ImageCollection as ic

PROMPTS = ["Sneaker", "Ankle boot", "Coat", "Shirt"]
GROUPS = ["footwear", "tops"]
PROMPT_GROUP = [0, 0, 1, 1]
PROVENANCE = {"model": "made up", "encoder": {"kind": "made up"}}


def set_column(table, name, values):
    """Adds or replaces a column of numbers."""
    array = numpy_to_vtk(np.ascontiguousarray(values), deep=True)
    array.SetName(name)
    table.GetRowData().AddArray(array)


def make_table(instances_per_prompt=4, iterations=8, dimension=6):
    """A vtkTable of runs that are noise first, part into the groups and then into the prompts."""
    random = np.random.RandomState(3)
    instances = len(PROMPTS) * instances_per_prompt
    prompt = np.repeat(np.arange(len(PROMPTS)), instances_per_prompt)
    group = np.array(PROMPT_GROUP)[prompt]
    k = np.arange(iterations)
    features = (random.normal(scale=0.5, size=(instances, 1, dimension))
                + random.normal(scale=0.1, size=(instances, iterations, dimension))
                + 4 * random.normal(size=(len(GROUPS), 1, dimension))[group]
                * (4 * k >= iterations)[:, None]
                + 2 * random.normal(size=(len(PROMPTS), 1, dimension))[prompt]
                * (2 * k >= iterations)[:, None])

    table = vtkTable()
    for name, per_instance in (("Instance", np.arange(instances)), ("PromptId", prompt),
                               ("GroupId", group)):
        set_column(table, name, np.repeat(per_instance, iterations).astype(np.int32))
    set_column(table, "Iteration", np.tile(k, instances).astype(np.int32))
    set_column(table, "Seed", np.repeat(2**40 + np.arange(instances), iterations))
    set_column(table, "Timestep", np.tile(np.linspace(999.0, -1.0, iterations), instances))
    set_column(table, "Sigma", np.tile(np.geomspace(15.0, 0.01, iterations), instances))
    set_column(table, "ThumbnailId", np.arange(instances * iterations, dtype=np.int32))
    set_column(table, "Features", features.reshape(-1, dimension).astype(np.float32))
    fields = table.GetFieldData()
    ic.add_array(fields, vtkStringArray, "Prompts", PROMPTS)
    ic.add_array(fields, vtkStringArray, "Groups", GROUPS)
    ic.add_array(fields, vtkIntArray, "PromptGroup", PROMPT_GROUP)
    ic.add_array(fields, vtkStringArray, "Provenance", [json.dumps(PROVENANCE)])
    return table


def keep_rows(table, rows):
    """A table of some of the rows, in the order given."""
    kept = vtkTable()
    for i in range(table.GetNumberOfColumns()):
        name = table.GetColumnName(i)
        set_column(kept, name, ic.array_of(table.GetRowData(), name)[rows])
    kept.GetFieldData().ShallowCopy(table.GetFieldData())
    return kept


def write_features(name, features, table):
    """Writes features of a table's images as a Feature Reader takes them, provenance their name."""
    rows = {column: ic.array_of(table.GetRowData(), column)
            for column in ("Instance", "Iteration", "PromptId", "Seed")}
    order = np.lexsort((rows["Iteration"], rows["Instance"]))
    first = order[rows["Iteration"][order] == 0]
    np.save(f"{name}.npy", features[order].astype(np.float32))
    path = pathlib.Path(f"{name}.json").resolve()
    path.write_text(json.dumps({
        "format": "tree-of-diffusion-life-features", "version": 1,
        "provenance": {"encoder": name}, "features": f"{name}.npy",
        "prompts": [{"text": text, "group": GROUPS[group]}
                    for text, group in zip(PROMPTS, PROMPT_GROUP)],
        "iterations": [{"timestep": 999 - int(k)} for k in range(rows["Iteration"].max() + 1)],
        "instances": [{"instance": int(rows["Instance"][i]), "prompt": int(rows["PromptId"][i]),
                       "seed": int(rows["Seed"][i])} for i in first]}))
    return str(path)
