# SPDX-License-Identifier: BSD-3-Clause
"""Made-up image collections as the diffusion sampler makes them, and what tests of them share."""
import json

import numpy as np
from paraview.simple import TrivialProducer
from vtkmodules.util.numpy_support import numpy_to_vtk, vtk_to_numpy
from vtkmodules.vtkCommonCore import (vtkDoubleArray, vtkIntArray, vtkStringArray,
                                      vtkTypeInt64Array)
from vtkmodules.vtkCommonDataModel import (vtkCompositeDataSet, vtkImageData,
                                           vtkPartitionedDataSetCollection)

PROMPTS = ["Sneaker", "Ankle boot", "Coat"]
GROUPS = ["footwear", "tops"]
PROMPT_GROUP = [0, 0, 1]
PROVENANCE = {"model": "made up", "guidance": 2.5}


def add_array(fields, kind, name, values):
    array = kind()
    array.SetName(name)
    for value in values:
        array.InsertNextValue(value)
    fields.AddArray(array)


def make_images(width, height, iterations, components, prompt, seed):
    """uint8 [iterations, height, width, components]: noise that becomes a bar of the prompt's own
    height, bottom row first."""
    random = np.random.RandomState(seed)
    share = np.linspace(0.0, 1.0, iterations)[:, None, None, None]
    final = np.zeros((height, width, components))
    final[:(prompt + 1) * height // (len(PROMPTS) + 1)] = np.array([255, 160, 60])[:components]
    noise = random.uniform(0, 255, (iterations, height, width, components))
    return (share * final + (1.0 - share) * noise).astype(np.uint8)


def make_collection(instances_per_prompt=2, iterations=6, width=8, height=5, components=3,
                    arrays=("Image", "PredictedImage")):
    """A vtkPartitionedDataSetCollection as in the data model; instance p * n + i has prompt p."""
    collection = vtkPartitionedDataSetCollection()
    fields = collection.GetFieldData()
    add_array(fields, vtkStringArray, "Prompts", PROMPTS)
    add_array(fields, vtkStringArray, "Groups", GROUPS)
    add_array(fields, vtkIntArray, "PromptGroup", PROMPT_GROUP)
    add_array(fields, vtkStringArray, "Provenance", [json.dumps(PROVENANCE)])
    collection.SetNumberOfPartitionedDataSets(len(PROMPTS) * instances_per_prompt)
    for instance in range(len(PROMPTS) * instances_per_prompt):
        prompt = instance // instances_per_prompt
        image = vtkImageData()
        image.SetDimensions(width, height, iterations)
        for number, name in enumerate(arrays):
            values = make_images(width, height, iterations, components, prompt,
                                 100 * number + instance)
            array = numpy_to_vtk(values.reshape(-1, components), deep=True)
            array.SetName(name)
            image.GetPointData().AddArray(array)
        fields = image.GetFieldData()
        add_array(fields, vtkIntArray, "Instance", [instance])
        add_array(fields, vtkIntArray, "PromptId", [prompt])
        add_array(fields, vtkIntArray, "GroupId", [PROMPT_GROUP[prompt]])
        add_array(fields, vtkTypeInt64Array, "Seed", [2**40 + instance % instances_per_prompt])
        add_array(fields, vtkIntArray, "Iteration", range(iterations))
        add_array(fields, vtkDoubleArray, "Timestep", np.linspace(999.0, -1.0, iterations))
        add_array(fields, vtkDoubleArray, "Sigma", np.linspace(14.6, 0.0, iterations))
        collection.SetPartition(instance, 0, image)
        collection.GetMetaData(instance).Set(vtkCompositeDataSet.NAME(),
                                             f"{PROMPTS[prompt]} {instance}")
    return collection


def as_source(data):
    """A source proxy that gives this data object."""
    source = TrivialProducer()
    source.GetClientSideObject().SetOutput(data)
    source.UpdatePipeline()
    return source


def output_of(proxy):
    """The up-to-date output of a proxy of this process."""
    proxy.UpdatePipeline()
    return proxy.GetClientSideObject().GetOutputDataObject(0)


def array_of(fields, name):
    """An array as a list of strings or as a NumPy array."""
    array = fields.GetAbstractArray(name)
    assert array, name
    if isinstance(array, vtkStringArray):
        return [array.GetValue(i) for i in range(array.GetNumberOfValues())]
    return vtk_to_numpy(array)


def messages_of(algorithm, run, event):
    """The texts that a VTK object reports by an event while `run` runs."""
    messages = []

    def observe(_object, _event, text):
        messages.append(text)

    observe.CallDataType = "string0"
    tag = algorithm.AddObserver(event, observe)
    run()
    algorithm.RemoveObserver(tag)
    return messages


def errors_of(algorithm, run):
    """The texts of the errors that a VTK object reports while `run` runs."""
    return messages_of(algorithm, run, "ErrorEvent")


def expect_error(proxy, words):
    """Expects one error with these words, and an empty output."""
    algorithm = proxy.GetClientSideObject()
    errors = errors_of(algorithm, proxy.UpdatePipeline)
    assert len(errors) == 1 and words in errors[0], (words, errors)
    output = algorithm.GetOutputDataObject(0)
    assert output.GetNumberOfElements(0) == 0, output
    return errors[0]
