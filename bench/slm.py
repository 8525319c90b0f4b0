"""The 330M text model of "Return of the Encoder" (arXiv 2501.16273) for measuring, with random weights.

20 encoder and 10 decoder layers of width 1024, grouped attention with 6 query and 3 key/value heads of 64 (query
head h reads key/value head h mod 3), rotary positions (centred in the encoder, none in cross-attention), RMSNorm
before each block, feed-forward layers of 4096 with tanh-GELU and biases, one embedding for both sides and the head.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Optional

import torch
from torch import nn
from torch.nn import functional as F

Pair = tuple[torch.Tensor, torch.Tensor]


@dataclass
class SlmConfig:
    vocab_size: int = 32128
    d_model: int = 1024
    d_ff: int = 4096
    encoder_layers: int = 20
    decoder_layers: int = 10
    query_heads: int = 6
    kv_heads: int = 3
    head_size: int = 64
    max_positions: int = 1024
    rope_theta: float = 10000.0


class RmsNorm(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(width))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.weight * (x * torch.rsqrt(x.pow(2).mean(-1, keepdim=True) + 1e-6))


def rotate(x: torch.Tensor, positions: torch.Tensor, theta: float) -> torch.Tensor:
    """Rotary embedding of [batch, heads, time, size] at positions [time], the two halves rotated."""
    half = x.shape[-1] // 2
    frequencies = theta ** (-torch.arange(0, half, dtype=torch.float32) / half)
    angles = positions[:, None].float() * frequencies[None, :]
    cos, sin = torch.cat([angles.cos()] * 2, -1), torch.cat([angles.sin()] * 2, -1)
    turned = torch.cat([-x[..., half:], x[..., :half]], -1)
    return x * cos + turned * sin


class Attention(nn.Module):
    def __init__(self, config: SlmConfig) -> None:
        super().__init__()
        self.config = config
        inner, outer = config.query_heads * config.head_size, config.kv_heads * config.head_size
        self.q = nn.Linear(config.d_model, inner, bias=False)
        self.k = nn.Linear(config.d_model, outer, bias=False)
        self.v = nn.Linear(config.d_model, outer, bias=False)
        self.o = nn.Linear(inner, config.d_model, bias=False)

    def split(self, x: torch.Tensor, heads: int) -> torch.Tensor:
        return x.view(x.shape[0], x.shape[1], heads, self.config.head_size).transpose(1, 2)

    def queries(self, x: torch.Tensor) -> torch.Tensor:
        return self.split(self.q(x), self.config.query_heads)

    def keys_values(self, x: torch.Tensor) -> Pair:
        return self.split(self.k(x), self.config.kv_heads), self.split(self.v(x), self.config.kv_heads)

    def attend(self, q: torch.Tensor, kv: Pair, mask: torch.Tensor) -> torch.Tensor:
        groups = self.config.query_heads // self.config.kv_heads
        k, v = (torch.cat([x] * groups, 1) for x in kv)
        scores = torch.matmul(q, k.transpose(2, 3)) * self.config.head_size**-0.5 + mask
        mixed = torch.matmul(scores.softmax(-1), v).transpose(1, 2)
        return self.o(mixed.reshape(mixed.shape[0], mixed.shape[1], -1))


class FeedForward(nn.Sequential):
    def __init__(self, config: SlmConfig) -> None:
        super().__init__(
            nn.Linear(config.d_model, config.d_ff),
            nn.GELU(approximate="tanh"),
            nn.Linear(config.d_ff, config.d_model),
        )


class EncoderLayer(nn.Module):
    def __init__(self, config: SlmConfig) -> None:
        super().__init__()
        self.theta = config.rope_theta
        self.norms = nn.ModuleList(RmsNorm(config.d_model) for _ in range(2))
        self.attention, self.ff = Attention(config), FeedForward(config)

    def forward(self, x: torch.Tensor, positions: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        normed = self.norms[0](x)
        k, v = self.attention.keys_values(normed)
        q, k = (rotate(y, positions, self.theta) for y in (self.attention.queries(normed), k))
        x = x + self.attention.attend(q, (k, v), mask)
        return x + self.ff(self.norms[1](x))


class DecoderLayer(nn.Module):
    def __init__(self, config: SlmConfig) -> None:
        super().__init__()
        self.theta = config.rope_theta
        self.norms = nn.ModuleList(RmsNorm(config.d_model) for _ in range(3))
        self.own, self.cross, self.ff = Attention(config), Attention(config), FeedForward(config)

    def forward(
        self,
        x: torch.Tensor,
        positions: torch.Tensor,
        mask: torch.Tensor,
        past: Optional[Pair],
        memory: Pair,
        memory_mask: torch.Tensor,
    ) -> tuple[torch.Tensor, Pair]:
        normed = self.norms[0](x)
        k, v = self.own.keys_values(normed)
        q, k = (rotate(y, positions, self.theta) for y in (self.own.queries(normed), k))
        if past is not None:
            k, v = torch.cat([past[0], k], 2), torch.cat([past[1], v], 2)
        x = x + self.own.attend(q, (k, v), mask)
        x = x + self.cross.attend(self.cross.queries(self.norms[1](x)), memory, memory_mask)
        return x + self.ff(self.norms[2](x)), (k, v)


def causal_mask(rows: int, before: int) -> torch.Tensor:
    """[rows, before + rows], added to scores: row i follows `before` others and sees those and rows up to itself."""
    keys, positions = torch.arange(before + rows), torch.arange(rows) + before
    return (keys[None, :] > positions[:, None]).float() * -1e9


def padding_mask(attention_mask: torch.Tensor) -> torch.Tensor:
    return (1.0 - attention_mask[:, None, None, :].float()) * -1e9


class Encoder(nn.Module):
    def __init__(self, config: SlmConfig, embedding: nn.Embedding) -> None:
        super().__init__()
        self.embedding = embedding
        self.layers = nn.ModuleList(EncoderLayer(config) for _ in range(config.encoder_layers))
        self.norm = RmsNorm(config.d_model)

    def forward(self, input_ids: torch.Tensor, attention_mask: torch.Tensor) -> torch.Tensor:
        length = input_ids.shape[1]
        positions = torch.arange(length) - length // 2
        x, mask = self.embedding(input_ids), padding_mask(attention_mask)
        for layer in self.layers:
            x = layer(x, positions, mask)
        return self.norm(x)


class Slm(nn.Module):
    """Encoder and decoder; a layer's past is (self keys, self values, cross keys, cross values)."""

    def __init__(self, config: SlmConfig) -> None:
        super().__init__()
        embedding = nn.Embedding(config.vocab_size, config.d_model)
        self.encoder = Encoder(config, embedding)
        self.layers = nn.ModuleList(DecoderLayer(config) for _ in range(config.decoder_layers))
        self.norm = RmsNorm(config.d_model)

    def decode(
        self,
        input_ids: torch.Tensor,
        encoder_attention_mask: torch.Tensor,
        memory: Optional[torch.Tensor],
        past: Optional[list[tuple[torch.Tensor, ...]]],
    ) -> tuple[torch.Tensor, list[tuple[torch.Tensor, ...]]]:
        before = past[0][0].shape[2] if past else 0
        rows = torch.arange(input_ids.shape[1]) + before
        mask = causal_mask(input_ids.shape[1], before)
        x, memory_mask = self.encoder.embedding(input_ids), padding_mask(encoder_attention_mask)
        present = []
        for i, layer in enumerate(self.layers):
            cross = past[i][2:] if past else layer.cross.keys_values(memory)
            x, own = layer(x, rows, mask, past[i][:2] if past else None, cross, memory_mask)
            present.append((*own, *cross))
        return F.linear(self.norm(x), self.encoder.embedding.weight), present
