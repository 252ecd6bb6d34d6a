# SPDX-License-Identifier: BSD-3-Clause
from paraview.simple import *

images = DiffusionSampler(InstancesPerPrompt=10, InferenceSteps=50)
features = FeatureEncoder(Input=images)
tree = EvolutionaryEmbedding(Input=features, Layout="Radial")
display = Show(tree, representationType="TDL Radial Axes")
ColorBy(display, ("POINTS", "PromptId"))
SaveData("tree.vtp", tree)
SaveScreenshot("tree.png")
