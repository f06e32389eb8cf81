# SPDX-License-Identifier: MIT
"""What examples/keras-ct-volumes asks of keras: layers that only follow shapes, and
a fit() that takes batches as keras does. So that lines that only run with keras run
in tests too, where keras itself is not to be had."""
import types

import numpy


class Sequence:
    def __init__(self):
        self.is_made = True

    def on_epoch_end(self):
        pass


class Shape:
    def __init__(self, shape):
        self.shape = tuple(shape)


def Input(shape):
    return Shape(shape)


def _layer(change):
    def make(*args, **options):
        return lambda x: Shape(change(x.shape, *args))
    return make


layers = types.SimpleNamespace(
    Conv3D=_layer(lambda s, filters, k: (*(n - k + 1 for n in s[:3]), filters)),
    MaxPool3D=_layer(lambda s, k: (*(n // k for n in s[:3]), s[3])),
    BatchNormalization=_layer(lambda s: s),
    GlobalAveragePooling3D=_layer(lambda s: s[3:]),
    Dense=_layer(lambda s, units: (*s[:-1], units)),
)


class Model:
    def __init__(self, inputs, outputs):
        self.inputs, self.outputs, self.loss = inputs, outputs, None

    def compile(self, optimizer, loss, metrics):
        self.loss = loss

    def fit(self, data, epochs):
        assert data.is_made and self.loss and self.outputs.shape == (1,)
        for epoch in range(epochs):
            volumes = 0
            for i in range(len(data)):
                x, y = data[i]
                assert x.shape[1:] == self.inputs.shape, x.shape
                assert x.dtype == numpy.float32 and len(x) == len(y)
                assert numpy.isfinite(x).all()
                volumes += len(x)
            data.on_epoch_end()
            print(f"Epoch {epoch + 1}/{epochs}: {volumes} volumes")


utils = types.SimpleNamespace(Sequence=Sequence)
