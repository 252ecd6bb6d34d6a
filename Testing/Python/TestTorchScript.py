# SPDX-License-Identifier: BSD-3-Clause
"""A denoiser that PyTorch exported, in ParaView: classes, guidance, errors."""
import pathlib
import shutil
import sys

import Plugins

if not Plugins.with_torch():
    sys.exit()

import ImageCollection as ic
import numpy as np
from paraview.simple import *

DATA = Plugins.SOURCE / "Testing/Data/TorchScript"
SMALL = {"ModelFolder": str(DATA), "InstancesPerPrompt": 2, "InferenceSteps": 20, "Device": "CPU"}

output = ic.output_of(DiffusionSampler(**SMALL))
assert ic.array_of(output.GetFieldData(), "Prompts") == ["Disc", "Square", "Cross", "Ring"]
assert output.GetPartition(0, 0).GetDimensions() == (8, 8, 21)
pixels = [ic.array_of(output.GetPartition(i, 0).GetPointData(), "Image").reshape(21, 64) for i in range(8)]
assert np.array_equal(pixels[0][0], pixels[2][0])  # the same noise
assert not np.array_equal(pixels[0][-1], pixels[2][-1])

unguided = ic.output_of(DiffusionSampler(GuidanceScale=1, Prompts=["ring"], **SMALL))
assert not np.array_equal(ic.array_of(unguided.GetPartition(0, 0).GetPointData(), "Image").ravel(), pixels[6].ravel())

ic.expect_error(DiffusionSampler(Prompts=["star"], **SMALL), "no class 'star'; choose from Disc, ")
broken = pathlib.Path("broken").resolve()
shutil.copytree(DATA, broken, dirs_exist_ok=True)
(broken / "denoiser.pt").write_text("no archive")
ic.expect_error(DiffusionSampler(**{**SMALL, "ModelFolder": str(broken)}), "is no TorchScript file")
