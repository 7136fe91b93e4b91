"""A training that can be interrupted, and the export of what it made.

What is random in an epoch is drawn from generators seeded with the epoch's number, so an epoch depends on nothing but
the state that the one before it left: a training resumed from its checkpoint ends with the very weights of one that ran
through.
"""
import argparse
import copy
import math
import os
import sys
import time
from pathlib import Path

import numpy as np
import torch
from torch import nn


def parser(description, epochs):
    """The options that every training has."""
    options = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("data", help="folder of the photos")
    options.add_argument("work", help="folder of the checkpoint, from which the same command goes on")
    options.add_argument("model", help="ONNX file to write")
    options.add_argument("--epochs", type=int, default=epochs)
    options.add_argument("--limit", type=int, metavar="N", help="take only N photos of each split, to try things out")
    options.add_argument("--threads", type=int, default=2)
    return options


def begin(arguments):
    """Makes what follows repeatable."""
    torch.manual_seed(0)
    torch.set_num_threads(arguments.threads)


def batches(epoch, count, size):
    """Indices of an epoch's photos in random order, in whole batches."""
    order = np.random.default_rng((0, epoch)).permutation(count)
    return [order[start:start + size] for start in range(0, count - size + 1, size)]


def adamw(network, rate, decay=0.02):
    """AdamW that leaves biases and normalisation undecayed."""
    weights = [parameter for parameter in network.parameters() if parameter.ndim > 1]
    others = [parameter for parameter in network.parameters() if parameter.ndim <= 1]
    groups = [{"params": weights, "weight_decay": decay}, {"params": others, "weight_decay": 0}]
    return torch.optim.AdamW(groups, rate)


def cosine(optimizer, steps):
    """A short warm-up, then a cosine down to nothing."""
    warm_up = max(1, min(500, steps // 10))

    def rate(step):
        if step < warm_up:
            return (step + 1) / warm_up
        return 0.5 * (1 + math.cos(math.pi * (step - warm_up) / max(1, steps - warm_up)))

    return torch.optim.lr_scheduler.LambdaLR(optimizer, rate)


class Training:
    """Runs the epochs that are left, with a checkpoint after each.

    schedule: one of torch's, asked after every step. momentum: of the moving average of the weights, which is what the
    training results in; 0: the weights themselves. longest: the norm that gradients are cut to.
    """

    def __init__(self, network, optimizer, schedule, folder, epochs, steps, momentum=0.0, longest=math.inf):
        self.network = network.to(memory_format=torch.channels_last)
        self.average = copy.deepcopy(network).eval()
        self.optimizer, self.schedule, self.momentum, self.longest = optimizer, schedule, momentum, longest
        self.checkpoint = Path(folder) / "checkpoint.pt"
        self.epochs, self.steps = epochs, steps
        self.epoch, self.best, self.best_weights = 0, -1.0, None

    def run(self, losses, measure=None):
        """The network that the training results in.

        `losses(epoch)` yields the loss of each step; `measure(network)` says how good a network is, and the best counts.
        """
        self.checkpoint.parent.mkdir(parents=True, exist_ok=True)
        self._resume()
        while self.epoch < self.epochs:
            began = time.monotonic()
            loss = self._train(losses, began)
            # Early on a number costs time and says nothing.
            said = self._measure(measure) if measure and (self.epoch % 5 == 0 or self.epoch > 0.7 * self.epochs) else ""
            self._save()
            took = f"{time.monotonic() - began:.0f} s"
            self._say(f"epoch {self.epoch}/{self.epochs}: loss {loss:.4f}{said}, {took}", end="\n")
        if self.best_weights is not None:
            self.average.load_state_dict(self.best_weights)
        return self.average

    def _train(self, losses, began):
        torch.manual_seed(self.epoch)
        self.network.train()
        total = 0.0
        for step, loss in enumerate(losses(self.epoch)):
            self.optimizer.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_(self.network.parameters(), self.longest)
            self.optimizer.step()
            self.schedule.step()
            self._follow(self.epoch * self.steps + step)
            total += loss.item()
            self._show(step, total / (step + 1), began)
        self.epoch += 1
        return total / self.steps

    def _measure(self, measure):
        measured = measure(self.average)
        if measured > self.best:
            self.best, self.best_weights = measured, copy.deepcopy(self.average.state_dict())
        return f", val {measured:.4f}, best {self.best:.4f}"

    def _follow(self, step):
        momentum = min(self.momentum, (1 + step) / (10 + step))
        with torch.no_grad():
            for average, now in zip(self.average.state_dict().values(), self.network.state_dict().values()):
                if average.is_floating_point():
                    average.lerp_(now, 1 - momentum)
                else:
                    average.copy_(now)

    def _show(self, step, loss, began):
        if sys.stdout.isatty():
            done = (step + 1) / self.steps
            left = (time.monotonic() - began) / done * (1 - done)
            bar = "#" * round(30 * done)
            self._say(f"epoch {self.epoch + 1}/{self.epochs} [{bar:30}] loss {loss:.4f}, {left:.0f} s left")

    @staticmethod
    def _say(text, end=""):
        """On a terminal over what was said before, such as the bar of progress."""
        print(f"\r{text:79}" if sys.stdout.isatty() else text, end=end, flush=True)

    def _parts(self):
        return {
            "network": self.network, "average": self.average, "optimizer": self.optimizer, "schedule": self.schedule}

    def _plan(self):
        return {"epochs": self.epochs, "steps": self.steps}

    def _resume(self):
        if not self.checkpoint.exists():
            return
        state = torch.load(self.checkpoint)
        if state["plan"] != self._plan():
            raise SystemExit(
                f"'{self.checkpoint}' is of another plan, {state['plan']} and not {self._plan()}: move it away.")
        for name, part in self._parts().items():
            part.load_state_dict(state[name])
        self.epoch, self.best, self.best_weights = state["epoch"], state["best"], state["best_weights"]

    def _save(self):
        state = {"plan": self._plan(), "epoch": self.epoch, "best": self.best, "best_weights": self.best_weights}
        state |= {name: part.state_dict() for name, part in self._parts().items()}
        # Whoever is interrupted while writing keeps the last one.
        half_written = self.checkpoint.with_suffix(".tmp")
        torch.save(state, half_written)
        os.replace(half_written, self.checkpoint)


def export(network, path, shape, names, open_axes):
    """Writes the network as ONNX, opset 13, with batch normalisation folded into the convolutions.

    shape: of an image that it takes. names: of input and output. open_axes: those of either of any length, and their
    names.
    """
    network = copy.deepcopy(network).eval().to(memory_format=torch.contiguous_format)
    half_written = f"{path}.tmp"
    torch.onnx.export(
        network, torch.zeros(shape), half_written, opset_version=13,
        input_names=names[:1], output_names=names[1:], dynamic_axes=open_axes)
    os.replace(half_written, path)
    print(f"{path}: {os.path.getsize(path) / 1e6:.2f} MB")
