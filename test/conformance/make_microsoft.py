"""Writes tests of com.microsoft operators in the form of ONNX's node tests, with ONNX Runtime's results as expected ones.

    make_microsoft.py DIRECTORY
"""

import pathlib
import sys

import numpy as np
import onnx
import onnxruntime
from onnx import helper, numpy_helper

RANDOM = np.random.default_rng(7)


def floats(*shape):
    return RANDOM.standard_normal(shape).astype(np.float32)


def integers(low, high, shape, dtype):
    return RANDOM.integers(low, high, shape).astype(dtype)


def computed(model, outputs, given):
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    session = onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
    return session.run([f"y{i}" for i in outputs], given)


def write(directory, name, operator, inputs, outputs, constants=(), domain="com.microsoft", expected=None, **attributes):
    """One test: `inputs` are arrays, tensors or None, those whose index is in `constants` become initializers. Without
    `expected` values, ONNX Runtime's are taken."""
    names = ["" if value is None else f"x{i}" for i, value in enumerate(inputs)]
    node = helper.make_node(operator, names, [f"y{i}" if i in outputs else "" for i in range(max(outputs) + 1)],
                            domain=domain, name=name, **attributes)
    given = {n: value for i, (n, value) in enumerate(zip(names, inputs)) if n and i not in constants}
    weights = []
    for i in constants:
        weights.append(inputs[i] if isinstance(inputs[i], onnx.TensorProto) else numpy_helper.from_array(inputs[i]))
        weights[-1].name = names[i]
    infos = [helper.make_tensor_value_info(n, helper.np_dtype_to_tensor_dtype(v.dtype), v.shape)
             for n, v in given.items()]
    results = [onnx.ValueInfoProto(name=f"y{i}") for i in outputs]
    model = helper.make_model(
        helper.make_graph([node], name, infos, results, weights),
        opset_imports=[helper.make_opsetid("", 21), helper.make_opsetid("com.microsoft", 1)], ir_version=10)
    expected = expected or computed(model, outputs, given)
    for info, value in zip(model.graph.output, expected):
        info.CopyFrom(helper.make_tensor_value_info(info.name, helper.np_dtype_to_tensor_dtype(value.dtype),
                                                    value.shape))
    folder = directory / f"test_{name}"
    data = folder / "test_data_set_0"
    data.mkdir(parents=True, exist_ok=True)
    onnx.save(model, folder / "model.onnx")
    for prefix, values in (("input", given.values()), ("output", expected)):
        for i, value in enumerate(values):
            (data / f"{prefix}_{i}.pb").write_bytes(numpy_helper.from_array(value, "").SerializeToString())


def activations(directory):
    x, bias = floats(2, 3, 8), floats(8)
    write(directory, "gelu", "Gelu", [x], [0])
    write(directory, "fast_gelu", "FastGelu", [x], [0])
    write(directory, "fast_gelu_bias", "FastGelu", [x, bias], [0])
    write(directory, "bias_gelu", "BiasGelu", [x, bias], [0])
    write(directory, "quick_gelu", "QuickGelu", [x], [0], alpha=1.5)


def norms(directory):
    x, skip, gamma, beta, bias = floats(2, 3, 8), floats(2, 3, 8), floats(8), floats(8), floats(8)
    write(directory, "simplified_norm", "SimplifiedLayerNormalization", [x, gamma], [0], domain="", epsilon=1e-5)
    write(directory, "skip_norm", "SkipLayerNormalization", [x, skip, gamma, beta], [0], epsilon=1e-5)
    write(directory, "skip_norm_sum", "SkipLayerNormalization", [x, skip, gamma, beta, bias], [0, 3], epsilon=1e-5)
    write(directory, "skip_simplified_norm", "SkipSimplifiedLayerNormalization", [x, skip, gamma], [0, 3], epsilon=1e-6)


def embeddings(directory):
    ids, segments, order = integers(0, 7, (2, 3), np.int32), integers(0, 2, (2, 3), np.int32), integers(0, 5, (2, 3), np.int32)
    words, positions, kinds, gamma, beta = floats(7, 8), floats(5, 8), floats(2, 8), floats(8), floats(8)
    write(directory, "embed_norm", "EmbedLayerNormalization", [ids, None, words, positions, None, gamma, beta], [0, 1], epsilon=1e-5)
    write(directory, "embed_norm_all", "EmbedLayerNormalization",
          [ids, segments, words, positions, kinds, gamma, beta, np.array([[1, 1, 0], [1, 1, 1]], np.int32), order], [0, 1, 2], epsilon=1e-5)


def pack(values, bits):
    """Quantised values [N, blocks, block] as bytes, low bits first."""
    count = 8 // bits
    parts = values.reshape(*values.shape[:-1], -1, count).astype(np.uint32)
    return sum(parts[..., i] << (bits * i) for i in range(count)).astype(np.uint8)


def products(directory):
    a, b = floats(2, 3, 8), floats(2, 8, 5)
    write(directory, "fused_matmul", "FusedMatMul", [a, b], [0], alpha=0.5)
    write(directory, "fused_matmul_transposed", "FusedMatMul", [floats(2, 8, 3), floats(2, 5, 8)], [0], transA=1, transB=1)
    # Of 7 bits: on processors without dot products of bytes, ONNX Runtime's sums of two larger products saturate.
    byte_a, byte_b = integers(0, 256, (3, 8), np.uint8), integers(-64, 64, (8, 5), np.int8)
    scale_a, scale_b = np.array(0.02, np.float32), np.array(0.05, np.float32)
    write(directory, "matmul_integer_to_float", "MatMulIntegerToFloat",
          [byte_a, byte_b, scale_a, scale_b, np.array(120, np.uint8), None, floats(5)], [0], constants=[1])
    write(directory, "dynamic_quantize_matmul", "DynamicQuantizeMatMul", [floats(3, 8), byte_b, scale_b], [0], constants=[1, 2])
    for bits, block, width in ((4, 16, 37), (4, 32, 64), (8, 16, 48)):
        blocks = -(-width // block)
        packed = pack(integers(0, 2**bits, (6, blocks, block), np.uint8), bits)
        weights = [floats(1, 3, width), packed, floats(6 * blocks)]
        write(directory, f"matmul_{bits}bits_{width}", "MatMulNBits", weights, [0], constants=[1, 2],
              K=width, N=6, bits=bits, block_size=block)
    blocks = 3
    zeros = pack(np.pad(integers(0, 16, (6, blocks), np.uint8), ((0, 0), (0, 1))), 4)
    write(directory, "matmul_4bits_zero_points", "MatMulNBits",
          [floats(3, 48), pack(integers(0, 16, (6, blocks, 16), np.uint8), 4), floats(6 * blocks), zeros.reshape(-1)], [0],
          constants=[1, 2, 3], K=48, N=6, bits=4, block_size=16)
    weights = [floats(3, 48), pack(integers(0, 16, (6, blocks, 16), np.uint8), 4), floats(6, blocks)]
    write(directory, "matmul_4bits_float_zero_points", "MatMulNBits", [*weights, floats(6, blocks)], [0],
          constants=[1, 2, 3], K=48, N=6, bits=4, block_size=16)
    write(directory, "matmul_4bits_groups", "MatMulNBits", [*weights, None, integers(0, blocks, 48, np.int32)], [0],
          constants=[1, 2, 4], K=48, N=6, bits=4, block_size=16)
    write(directory, "matmul_4bits_bias", "MatMulNBits", [*weights, None, None, floats(6)], [0],
          constants=[1, 2, 5], K=48, N=6, bits=4, block_size=16)
    for kind, name in enumerate(("fp4", "nf4")):
        blocks = -(-48 * 6 // 32)
        write(directory, f"matmul_{name}", "MatMulBnb4", [floats(3, 48), integers(0, 256, 144, np.uint8), floats(blocks)],
              [0], constants=[1, 2], K=48, N=6, block_size=32, quant_type=kind)


def lookups(directory):
    rows, indices = 7, integers(0, 7, (2, 3), np.int64)
    scales, zeros = floats(rows, 3), integers(0, 256, (rows, 2), np.uint8)
    packed = integers(0, 256, (rows, 24), np.uint8)
    blocks = dict(bits=4, block_size=16, gather_axis=0, quantize_axis=1)
    write(directory, "gather_4bits", "GatherBlockQuantized", [packed, indices, scales], [0], constants=[0, 2], **blocks)
    write(directory, "gather_4bits_zero_points", "GatherBlockQuantized", [packed, indices, scales, zeros], [0],
          constants=[0, 2, 3], **blocks)
    write(directory, "gather_8bits", "GatherBlockQuantized", [integers(0, 256, (rows, 48), np.uint8), indices, scales], [0],
          constants=[0, 2], **{**blocks, "bits": 8})
    for kind, least in (("INT4", -8), ("UINT4", 0)):
        typed = [helper.make_tensor("", onnx.TensorProto.DataType.Value(kind), shape,
                                    integers(least, least + 16, shape, np.int64).flatten()) for shape in ((rows, 48), (rows, 3))]
        write(directory, f"gather_{kind.lower()}", "GatherBlockQuantized", [typed[0], indices, scales, typed[1]], [0],
              constants=[0, 2, 3], **blocks)


def attention(directory):
    q, k, v, bias = floats(1, 3, 16), floats(1, 5, 16), floats(1, 5, 16), floats(48)
    heads = dict(num_heads=4)
    write(directory, "multi_head", "MultiHeadAttention", [q, k, v], [0], **heads)
    write(directory, "multi_head_bias", "MultiHeadAttention", [q, k, v, bias], [0], **heads)
    mask = np.array([[1, 1, 1, 0, 0]], np.int32)
    write(directory, "multi_head_mask", "MultiHeadAttention", [q, k, v, None, mask], [0], **heads)
    write(directory, "multi_head_scores_bias", "MultiHeadAttention", [q, k, v, None, None, floats(1, 4, 3, 5)], [0], **heads)
    cache = [floats(1, 4, 5, 4), floats(1, 4, 5, 4)]
    write(directory, "multi_head_cross_cache", "MultiHeadAttention", [q] + cache, [0], **heads)
    past = [q, floats(1, 3, 16), floats(1, 3, 16), None, None, None, floats(1, 4, 2, 4), floats(1, 4, 2, 4)]
    write(directory, "multi_head_past", "MultiHeadAttention", past, [0, 1, 2], unidirectional=1, **heads)
    write(directory, "attention", "Attention", [q, floats(16, 48), bias], [0], constants=[1, 2], **heads)
    write(directory, "attention_causal", "Attention", [q, floats(16, 48), bias], [0], constants=[1, 2], unidirectional=1, **heads)
    codes = [integers(0, 256, (1, 3, 16), np.uint8), integers(-64, 64, (16, 48), np.int8), bias, np.array(0.02, np.float32)]
    zero = np.array(120, np.uint8)
    write(directory, "quantized_attention", "QAttention", [*codes, np.array(0.01, np.float32), None, zero, np.array(0, np.int8)],
          [0], constants=[1, 2, 3, 4, 6, 7], **heads)
    write(directory, "quantized_attention_causal", "QAttention",
          [*codes, np.abs(floats(48)) * 0.01, None, zero, np.zeros(48, np.int8)], [0], constants=[1, 2, 3, 4, 6, 7],
          unidirectional=1, **heads)
    rows, positions = floats(1, 3, 32), np.array([[2, 3, 4]], np.int64)
    cos, sin = floats(8, 4), floats(8, 4)
    write(directory, "rotary", "RotaryEmbedding", [rows, positions, cos, sin], [0])
    write(directory, "rotary_interleaved", "RotaryEmbedding", [rows, positions, cos, sin], [0], interleaved=1)
    write(directory, "rotary_offset", "RotaryEmbedding", [floats(1, 4, 3, 8), np.array([2], np.int64), cos, sin], [0])
    lengths = [None, None, np.array([2], np.int32), np.array(3, np.int32)]
    grouped = [floats(1, 3, 64), floats(1, 3, 32), floats(1, 3, 32)] + lengths
    heads = dict(num_heads=4, kv_num_heads=2)
    write(directory, "group_query", "GroupQueryAttention", grouped, [0], **heads)
    write(directory, "group_query_packed", "GroupQueryAttention", [floats(1, 3, 128), None, None] + lengths, [0], **heads)
    rotary = grouped + [floats(8, 8), floats(8, 8)]
    write(directory, "group_query_rotary", "GroupQueryAttention", rotary, [0], do_rotary=1, **heads)
    past = [floats(1, 1, 64), floats(1, 1, 32), floats(1, 1, 32), floats(1, 2, 2, 16), floats(1, 2, 2, 16)] + lengths[2:]
    write(directory, "group_query_past", "GroupQueryAttention", past, [0, 1, 2], **heads)


def buckets(distances, count, farthest, bidirectional):
    """Buckets of distances as T5 defines them: https://arxiv.org/abs/1910.10683, section 2.1."""
    result = np.zeros_like(distances)
    if bidirectional:
        count //= 2
        result = (distances > 0) * count
        distances = np.abs(distances)
    else:
        distances = np.maximum(-distances, 0)
    exact = count // 2
    ratio = np.log(np.maximum(distances, exact).astype(np.float32) / exact) / np.float32(np.log(farthest / exact))
    far = np.minimum(exact + (ratio * (count - exact)).astype(np.int64), count - 1)
    return result + np.where(distances < exact, distances, far)


def positions(directory):
    """ONNX Runtime has this operator on GPUs only."""
    table, length = floats(32, 4), np.array([150], np.int64)
    distances = np.arange(150)[None, :] - np.arange(150)[:, None]
    for name, bidirectional in (("both_ways", 1), ("backwards", 0)):
        bias = table[buckets(distances, 32, 128, bidirectional)].transpose(2, 0, 1)[None]
        write(directory, f"position_bias_{name}", "RelativePositionBias", [table, length, length], [0], constants=[0, 1, 2],
              expected=[bias], max_distance=128, is_bidirectional=bidirectional)


def main():
    directory = pathlib.Path(sys.argv[1])
    activations(directory)
    norms(directory)
    embeddings(directory)
    products(directory)
    lookups(directory)
    attention(directory)
    positions(directory)


main()
