# SPDX-License-Identifier: MIT
"""What examples/pytorch-dataset asks of torch, in NumPy, with torch's rules: a
tensor has no NumPy arithmetic of its own, a loader asks for items in worker
processes, batches are stacked. So that lines that only run with torch run in tests
too, where torch itself is not to be had."""
import concurrent.futures
import multiprocessing
import random
import types

import numpy

__version__ = "stand-in"


class Tensor:
    def __init__(self, array):
        if not array.flags.writeable:
            raise ValueError("torch warns of arrays that cannot be written")
        self._array = array

    def __len__(self):
        return len(self._array)

    def mean(self):
        return Tensor(numpy.array(self._array.mean()))

    def __float__(self):
        return float(self._array)


def from_numpy(array):
    if not isinstance(array, numpy.ndarray):
        raise TypeError(f"expected np.ndarray (got {type(array).__name__})")
    return Tensor(array)


class Dataset:
    def __getitem__(self, index):
        raise NotImplementedError


_dataset = None  # of a worker


def _adopt(dataset):
    global _dataset
    _dataset = dataset


def _fetch(indices):
    return Tensor(numpy.stack([_dataset[i]._array for i in indices]))


class DataLoader:
    def __init__(self, dataset, batch_size=1, shuffle=False, num_workers=0):
        self.dataset, self.batch_size = dataset, batch_size
        self.shuffle, self.num_workers = shuffle, num_workers

    def __iter__(self):
        order = list(range(len(self.dataset)))
        if self.shuffle:
            random.shuffle(order)
        batches = [order[at:at + self.batch_size]
                   for at in range(0, len(order), self.batch_size)]
        try:
            pool = concurrent.futures.ProcessPoolExecutor(
                self.num_workers, multiprocessing.get_context("fork"), _adopt,
                (self.dataset,))
        except OSError:  # its semaphores need a writable /dev/shm
            _adopt(self.dataset)
            yield from map(_fetch, batches)
            return
        with pool:
            yield from pool.map(_fetch, batches)


utils = types.SimpleNamespace(
    data=types.SimpleNamespace(Dataset=Dataset, DataLoader=DataLoader))
