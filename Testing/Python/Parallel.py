# SPDX-License-Identifier: BSD-3-Clause
"""What tests of several processes share."""
import os
import shutil
import subprocess

MPI = {"OMPI_ALLOW_RUN_AS_ROOT": "1", "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM": "1",
       "OMPI_MCA_rmaps_base_oversubscribe": "1", "OMPI_MCA_mpi_yield_when_idle": "1"}


def is_possible():
    return shutil.which("mpiexec") is not None


def run(script, *options):
    """Runs a script in two processes with the argument "batch"; options are pvbatch's."""
    # This process is an MPI job by itself, and its variables would make mpiexec part of that.
    environment = {name: value for name, value in os.environ.items()
                   if not name.startswith(("OMPI_", "PMIX_", "ORTE_"))}
    subprocess.run(["mpiexec", "-n", "2", "pvbatch", *options, script, "batch"],
                   env={**environment, **MPI}, check=True)


def rank_and_size():
    """The number of this process, and how many there are."""
    from vtkmodules.vtkParallelCore import vtkMultiProcessController

    controller = vtkMultiProcessController.GetGlobalController()
    return controller.GetLocalProcessId(), controller.GetNumberOfProcesses()
