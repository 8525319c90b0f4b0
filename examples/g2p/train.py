"""Trains the pronouncer on the CMU Pronouncing Dictionary and prints its error rates on held-out words.

usage: python train.py [--epochs N] [--threads N] [--checkpoint FILE]

A checkpoint is written after every epoch; starting again with the same file goes on from it. `export.py` turns a
checkpoint into the ONNX files of this folder.
"""
import argparse
import math
import pathlib
import random
import time

import torch
from torch.nn import functional as F

from dictionary import EOS, MAX_LENGTH, PAD, START, load, spell
from model import Pronouncer

BATCH, PEAK_RATE, WARM_UP = 256, 3e-3, 300


def padded(rows):
    """Rows of ids as one tensor, filled with PAD."""
    longest = max(map(len, rows))
    return torch.tensor([list(row) + [PAD] * (longest - len(row)) for row in rows])


def batches(training, epoch):
    """One epoch of (letters, phonemes): shuffled, but words of like length together so that little is padded."""
    chance = random.Random(epoch)
    rows = [(spell(word), chance.choice(pronunciations)) for word, pronunciations in training]
    chance.shuffle(rows)
    result = []
    pool = 40 * BATCH
    for start in range(0, len(rows), pool):
        part = sorted(rows[start:start + pool], key=lambda row: (len(row[0]), len(row[1])))
        result += [part[i:i + BATCH] for i in range(0, len(part), BATCH)]
    chance.shuffle(result)
    for part in result:
        yield padded([row[0] for row in part]), padded([row[1] + (EOS,) for row in part])


@torch.no_grad()
def pronounce(model, words, batch=512):
    """Greedy pronunciations, as tuples of phoneme ids without start and end, in the order of `words`."""
    answers = {}
    ordered = sorted(words, key=len)
    for first in range(0, len(ordered), batch):
        part = ordered[first:first + batch]
        letters = padded([spell(word) for word in part])
        mask = (letters != PAD).long()
        memory = model.encoder(letters, mask)
        text = torch.full((len(part), 1), START)
        ended = torch.zeros(len(part), dtype=torch.bool)
        while text.shape[1] < MAX_LENGTH and not ended.all():
            token = model.decoder(text, mask, memory)[:, -1].argmax(-1)
            text = torch.cat([text, token[:, None]], 1)
            ended |= token == EOS
        for word, row in zip(part, text[:, 1:].tolist()):
            answers[word] = tuple(row[:row.index(EOS)] if EOS in row else row)
    return [answers[word] for word in words]


def edit_distance(a, b):
    row = list(range(len(b) + 1))
    for i, x in enumerate(a, 1):
        previous, row[0] = row[0], i
        for j, y in enumerate(b, 1):
            previous, row[j] = row[j], min(previous + (x != y), row[j] + 1, row[j - 1] + 1)
    return row[-1]


def error_rates(model, held_out):
    """(word error rate, phoneme error rate), each word against the closest of its listed pronunciations."""
    wrong = edits = phonemes = 0
    for (_, wanted), got in zip(held_out, pronounce(model, [word for word, _ in held_out])):
        distance, length = min((edit_distance(one, got), len(one)) for one in wanted)
        wrong += distance > 0
        edits += distance
        phonemes += length
    return wrong / len(held_out), edits / phonemes


def train_epoch(model, optimizer, schedule, training, epoch):
    """The mean loss of one pass over the training words."""
    total = count = 0
    for letters, phonemes in batches(training, epoch):
        given = F.pad(phonemes[:, :-1], (1, 0), value=START)
        logits = model(letters, given)
        loss = F.cross_entropy(logits.flatten(0, 1), phonemes.flatten(), ignore_index=PAD, label_smoothing=0.05)
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        schedule.step()
        total, count = total + loss.item(), count + 1
    return total / count


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--epochs", type=int, default=16)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--checkpoint", type=pathlib.Path, default=pathlib.Path("g2p.pt"))
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    torch.manual_seed(0)

    training, held_out = load()
    model = Pronouncer()
    print(f"{len(training)} training words, {len(held_out)} held out, "
          f"{sum(p.numel() for p in model.parameters())} parameters", flush=True)
    optimizer = torch.optim.AdamW(model.parameters(), lr=PEAK_RATE, betas=(0.9, 0.98), weight_decay=0.01)
    steps = arguments.epochs * sum(1 for _ in batches(training, 0))
    rate = lambda step: min((step + 1) / WARM_UP, 0.5 + 0.5 * math.cos(math.pi * min(1.0, step / steps)))
    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, rate)
    first = 0
    if arguments.checkpoint.exists():
        state = torch.load(arguments.checkpoint)
        for part, name in ((model, "model"), (optimizer, "optimizer"), (schedule, "schedule")):
            part.load_state_dict(state[name])
        first = state["epoch"]
    for epoch in range(first, arguments.epochs):
        start = time.time()
        loss = train_epoch(model, optimizer, schedule, training, epoch)
        words, phonemes = error_rates(model, held_out[::8])
        torch.save({"model": model.state_dict(), "optimizer": optimizer.state_dict(),
                    "schedule": schedule.state_dict(), "epoch": epoch + 1}, arguments.checkpoint)
        print(f"epoch {epoch + 1}: loss {loss:.4f}, an eighth of the held-out words: word errors {words:.1%}, "
              f"phoneme errors {phonemes:.1%}, {time.time() - start:.0f} s", flush=True)
    words, phonemes = error_rates(model, held_out)
    print(f"{len(held_out)} held-out words: word error rate {words:.2%}, phoneme error rate {phonemes:.2%}")


if __name__ == "__main__":
    main()
