"""EfficientNet-Lite0 as ONNX, from its PyTorch weights; batch norm is folded into the convolutions.

Architecture: https://github.com/tensorflow/tpu/tree/master/models/official/efficientnet/lite (Apache-2.0): no squeeze
and excitation, ReLU6, SAME padding. Kernels and widths are read from the weights; strides are not in them.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray
from onnx import ModelProto, NodeProto, TensorProto, checker, helper, numpy_helper

SIDE = 224
_STRIDES = (1, 2, 1, 2, 1, 2, 1, 1, 1, 1, 1, 2, 1, 1, 1, 1)
_EPSILON = 1e-3

Array = NDArray[np.float32]


def build(weights: Mapping[str, Array]) -> bytes:
    """An ONNX model: `image` float32[N, 3, 224, 224] → `scores` float32[N, classes], each row summing to 1."""
    graph = _Graph(weights)
    value = graph.relu6(graph.convolution("image", "_conv_stem", "_bn0", stride=2))
    for number, stride in enumerate(_STRIDES):
        value = _block(graph, value, f"_blocks.{number}.", stride)
    value = graph.relu6(graph.convolution(value, "_conv_head", "_bn1"))
    value = graph.add("Flatten", graph.add("GlobalAveragePool", value))
    value = graph.add("Gemm", value, graph.constant("_fc.weight"), graph.constant("_fc.bias"), transB=1)
    graph.add("Softmax", value, output="scores", axis=1)
    model: bytes = graph.model(classes=len(weights["_fc.bias"])).SerializeToString()
    return model


def _block(graph: "_Graph", value: str, prefix: str, stride: int) -> str:
    """Expand, filter each channel, project; the input is added back where the shapes agree."""
    inside = value
    if f"{prefix}_expand_conv.weight" in graph.weights:
        inside = graph.relu6(graph.convolution(inside, f"{prefix}_expand_conv", f"{prefix}_bn0"))
    inside = graph.relu6(graph.convolution(inside, f"{prefix}_depthwise_conv", f"{prefix}_bn1", stride=stride))
    inside = graph.convolution(inside, f"{prefix}_project_conv", f"{prefix}_bn2")
    first = graph.weights.get(f"{prefix}_expand_conv.weight", graph.weights[f"{prefix}_depthwise_conv.weight"])
    same_width = first.shape[0 if first.shape[1] == 1 else 1] == len(graph.weights[f"{prefix}_bn2.bias"])
    return graph.add("Add", value, inside) if stride == 1 and same_width else inside


class _Graph:
    """Nodes in order of execution; every value is named after the node that makes it."""

    def __init__(self, weights: Mapping[str, Array]) -> None:
        self.weights = weights
        self.nodes: list[NodeProto] = []
        self.constants: list[TensorProto] = [
            numpy_helper.from_array(np.array(0, np.float32), "zero"),
            numpy_helper.from_array(np.array(6, np.float32), "six"),
        ]

    def add(self, operator: str, *inputs: str, output: str = "", **attributes: Any) -> str:
        output = output or f"v{len(self.nodes)}"
        self.nodes.append(helper.make_node(operator, inputs, [output], **attributes))
        return output

    def constant(self, name: str, value: Array | None = None) -> str:
        array = np.ascontiguousarray(self.weights[name] if value is None else value)
        self.constants.append(numpy_helper.from_array(array, name))
        return name

    def relu6(self, value: str) -> str:
        return self.add("Clip", value, "zero", "six")

    def convolution(self, value: str, name: str, norm: str, stride: int = 1) -> str:
        """A convolution followed by batch norm, in one node."""
        kernel = self.weights[f"{name}.weight"]
        scale = self.weights[f"{norm}.weight"] / np.sqrt(self.weights[f"{norm}.running_var"] + _EPSILON)
        bias = self.weights[f"{norm}.bias"] - self.weights[f"{norm}.running_mean"] * scale
        return self.add(
            "Conv",
            value,
            self.constant(f"{name}.weight", (kernel * scale[:, None, None, None]).astype(np.float32)),
            self.constant(f"{name}.bias", bias.astype(np.float32)),
            strides=[stride, stride],
            auto_pad="SAME_UPPER",
            # A depthwise kernel sees one channel each, so there are as many groups as kernels.
            group=kernel.shape[0] if kernel.shape[1] == 1 else 1,
        )

    def model(self, classes: int) -> ModelProto:
        image = helper.make_tensor_value_info("image", TensorProto.FLOAT, ["n", 3, SIDE, SIDE])
        scores = helper.make_tensor_value_info("scores", TensorProto.FLOAT, ["n", classes])
        graph = helper.make_graph(self.nodes, "efficientnet-lite0", [image], [scores], self.constants)
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
        checker.check_model(model)
        return model
