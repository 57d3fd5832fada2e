import numpy
import pytest
import torch


torch.set_num_threads(1)  # tests run side by side


@pytest.fixture(autouse=True)
def _names(doctest_namespace):
    doctest_namespace["torch"] = torch
    doctest_namespace["np"] = numpy
