# SPDX-License-Identifier: BSD-3-Clause
"""LibTorch runs, but its symbols replace nobody else's: it may contain an LLVM, as Mesa does."""
import ctypes
import pathlib

from paraview.simple import *

import Plugins

if Plugins.with_torch():
    DiffusionSampler(Prompts=["Bag"], InstancesPerPrompt=1, InferenceSteps=1).UpdatePipeline()
    assert "libtorch_cpu" in pathlib.Path("/proc/self/maps").read_text()
    at_get_num_threads = "_ZN2at15get_num_threadsEv"
    assert not hasattr(ctypes.CDLL(None), at_get_num_threads)
