"""A small encoder-decoder transformer in the manner of T5: pre-norm, RMSNorm, no linear biases, and attention that
knows positions only through a learned bias for the distance between query and key."""
import torch
from torch import nn
from torch.nn import functional as F

from dictionary import LETTERS, PAD, PHONEMES

WIDTH, HEADS, HIDDEN = 128, 4, 320
ENCODER_LAYERS, DECODER_LAYERS = 3, 2
REACH = 12  # distances beyond this share one bias
MASKED = -1e9


class RMSNorm(nn.Module):
    def __init__(self):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(WIDTH))

    def forward(self, x):
        return x * torch.rsqrt(x.pow(2).mean(-1, keepdim=True) + 1e-6) * self.weight


class DistanceBias(nn.Module):
    """[1, heads, length, length] from the distance key - query."""

    def __init__(self):
        super().__init__()
        self.table = nn.Embedding(2 * REACH + 1, HEADS)
        nn.init.zeros_(self.table.weight)

    def forward(self, length, device):
        position = torch.arange(length, device=device)
        distance = (position[None, :] - position[:, None]).clamp(-REACH, REACH)
        return self.table(distance + REACH).permute(2, 0, 1).unsqueeze(0)


class Attention(nn.Module):
    def __init__(self):
        super().__init__()
        self.norm = RMSNorm()
        self.query, self.key, self.value, self.out = (nn.Linear(WIDTH, WIDTH, bias=False) for _ in range(4))

    def forward(self, x, bias, memory=None):
        """x: [batch, queries, width]; memory: what is attended to, x itself when it is None; bias is added to the scores."""
        normed = self.norm(x)
        source = normed if memory is None else memory
        split = lambda y: y.unflatten(-1, (HEADS, WIDTH // HEADS)).transpose(1, 2)
        query, key, value = split(self.query(normed)), split(self.key(source)), split(self.value(source))
        scores = query @ key.transpose(-1, -2) * (WIDTH // HEADS) ** -0.5 + bias
        mixed = scores.softmax(-1) @ value
        return x + self.out(mixed.transpose(1, 2).flatten(-2))


class FeedForward(nn.Module):
    def __init__(self):
        super().__init__()
        self.norm = RMSNorm()
        self.up, self.down = nn.Linear(WIDTH, HIDDEN, bias=False), nn.Linear(HIDDEN, WIDTH, bias=False)

    def forward(self, x):
        return x + self.down(F.relu(self.up(self.norm(x))))


def key_bias(mask):
    """A mask of ones and zeros [batch, keys] as a bias [batch, 1, 1, keys]."""
    return (1.0 - mask[:, None, None, :].to(torch.float32)) * MASKED


class Encoder(nn.Module):
    def __init__(self):
        super().__init__()
        self.embed = nn.Embedding(len(LETTERS), WIDTH)
        self.distance = DistanceBias()
        self.layers = nn.ModuleList(
            nn.ModuleList([Attention(), FeedForward()]) for _ in range(ENCODER_LAYERS))
        self.norm = RMSNorm()

    def forward(self, input_ids, attention_mask):
        x = self.embed(input_ids)
        bias = self.distance(input_ids.shape[1], x.device) + key_bias(attention_mask)
        for attention, feed_forward in self.layers:
            x = feed_forward(attention(x, bias))
        return self.norm(x)


class Decoder(nn.Module):
    def __init__(self):
        super().__init__()
        self.embed = nn.Embedding(len(PHONEMES), WIDTH)
        self.distance = DistanceBias()
        self.layers = nn.ModuleList(
            nn.ModuleList([Attention(), Attention(), FeedForward()]) for _ in range(DECODER_LAYERS))
        self.norm = RMSNorm()
        self.head = nn.Linear(WIDTH, len(PHONEMES), bias=False)

    def forward(self, input_ids, encoder_attention_mask, encoder_hidden_states):
        x = self.embed(input_ids)
        length = input_ids.shape[1]
        later = torch.ones(length, length, device=x.device).triu(1)
        self_bias = self.distance(length, x.device) + later * MASKED
        cross_bias = key_bias(encoder_attention_mask)
        for self_attention, cross_attention, feed_forward in self.layers:
            x = self_attention(x, self_bias)
            x = feed_forward(cross_attention(x, cross_bias, encoder_hidden_states))
        return self.head(self.norm(x))


class Pronouncer(nn.Module):
    def __init__(self):
        super().__init__()
        self.encoder, self.decoder = Encoder(), Decoder()

    def forward(self, letters, phonemes):
        """Logits [batch, time, phonemes] of a text given to the decoder; letters are padded with PAD."""
        mask = (letters != PAD).long()
        return self.decoder(phonemes, mask, self.encoder(letters, mask))
