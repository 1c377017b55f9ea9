"""Compares a training step of ACAI with the same step written in PyTorch, in turn, on the CPU of this machine.

    pip install torch
    python docs/pytorch_step.py --output=docs/results/pytorch.json

All sides: 32x32 images, batch 64, the networks of the released code at the published sizes of `lines32` and of the color
data sets, Adam, one update of autoencoder, critic and classifier. PyTorch is in channels_last, its fastest here, with its
fused Adam; bfloat16 is its autocast. It has four sides: eager or compiled (torch.compile, which needs a C++ compiler), and
with two backward passes through the critic, one for each loss, or with one: for a critic with one answer per image the
gradients of both losses at an image are the same except for a factor.
Each process measures when it is told to, so that one waits for the others. Prints images per second, medians of the rounds,
and for each side of PyTorch the median of the rounds' ratios.
"""

import argparse
import functools
import json
import select
import statistics
import subprocess
import sys
import time

BATCH, LATENT, SCALES_OF_32 = 64, 16, {2: 4, 4: 3}
ROWS = [{'depth': depth, 'latent_width': width, 'channels': channels, 'precision': precision}
        for depth, width, channels in ((16, 2, 1), (64, 4, 3)) for precision in ('float32', 'bfloat16')]
SECONDS = 2.0  # about, of one measurement


def acai_tf_step(options):
    """A function that makes so many steps, in acai_tf."""
    import tensorflow as tf

    from acai_tf import benchmark, models, training
    model = models.create('acai', (32, 32, options.channels), 10, depth=options.depth, latent=LATENT,
                          latent_width=options.latent_width, dtype=benchmark.POLICIES[options.precision])
    model.compile()
    images = tf.random.stateless_uniform([BATCH, 32, 32, options.channels], [0, 0], -1, 1)
    batches = iter(tf.data.Dataset.from_tensors((images, tf.range(BATCH, dtype=tf.int64) % 10)).repeat())
    run_steps = training.step_function(model, tf.distribute.get_strategy())
    return lambda count: run_steps(tf.constant(count), batches).numpy()


def pytorch_step(options, compiled, one_pass):
    """A function that makes so many steps, in PyTorch."""
    import torch
    from torch import nn
    torch.manual_seed(0)
    scales, depth = SCALES_OF_32[options.latent_width], options.depth

    def conv(inputs, outputs, size=3):
        layer = nn.Conv2d(inputs, outputs, size, padding=size // 2)
        nn.init.normal_(layer.weight, std=(1 / (1.04 * inputs * size**2))**0.5)
        nn.init.zeros_(layer.bias)
        return layer

    def relu():
        return nn.LeakyReLU(0.2)

    def encoder():
        layers, channels = [conv(options.channels, depth, 1)], depth
        for scale in range(scales):
            layers += [conv(channels, depth << scale), relu(), conv(depth << scale, depth << scale), relu(), nn.AvgPool2d(2)]
            channels = depth << scale
        return nn.Sequential(*layers, conv(channels, depth << scales), relu(), conv(depth << scales, LATENT))

    def decoder():
        layers, channels = [], LATENT
        for scale in reversed(range(scales)):
            layers += [conv(channels, depth << scale), relu(), conv(depth << scale, depth << scale), relu(),
                       nn.Upsample(scale_factor=2)]
            channels = depth << scale
        return nn.Sequential(*layers, conv(channels, depth), relu(), conv(depth, options.channels))

    networks = encoder(), decoder(), encoder()
    encode, decode, critic_score = (network.to(memory_format=torch.channels_last) for network in networks)
    classify = nn.Linear(LATENT * options.latent_width**2, 10)
    players = [[*encode.parameters(), *decode.parameters()], list(critic_score.parameters()), list(classify.parameters())]
    optimizers = [torch.optim.Adam(parameters, lr=1e-4, eps=1e-8, fused=True) for parameters in players]
    images = (torch.rand(BATCH, options.channels, 32, 32) * 2 - 1).to(memory_format=torch.channels_last)
    labels = torch.arange(BATCH) % 10
    bfloat16 = options.precision == 'bfloat16'

    def autoencode(alpha):
        latents = encode(images).float()
        reconstruction = decode(latents).float()
        mixed = decode(alpha * latents + (1 - alpha) * latents.flip(0)).float()
        return latents, mixed, reconstruction + 0.2 * (images - reconstruction), ((images - reconstruction)**2).mean()

    def answers(mixed, blended):
        return (critic_score(image).float().mean((1, 2, 3)) for image in (mixed, blended))

    def classifier_loss(latents):
        return nn.functional.cross_entropy(classify(latents.detach().flatten(1)).float(), labels)

    def all_losses(alpha):
        latents, mixed, blended, error = autoencode(alpha)
        guess, real = answers(mixed, blended)
        return (error + 0.5 * (guess**2).mean(), ((guess - alpha.flatten())**2).mean() + (real**2).mean(),
                classifier_loss(latents))

    def critic_losses(mixed, blended, alpha):
        guess, real = answers(mixed, blended)
        return guess, ((guess - alpha.flatten())**2).mean() + (real**2).mean()

    if compiled:
        torch._functorch.config.donated_buffer = False  # two passes back through one graph
        autoencode, all_losses, critic_losses = map(torch.compile, (autoencode, all_losses, critic_losses))

    def two_passes(alpha):
        with torch.autocast('cpu', torch.bfloat16, enabled=bfloat16):
            objectives = all_losses(alpha)
        return [torch.autograd.grad(objective, parameters, retain_graph=True)
                for objective, parameters in zip(objectives, players)]

    def single_pass(alpha):
        with torch.autocast('cpu', torch.bfloat16, enabled=bfloat16):
            latents, mixed, blended, error = autoencode(alpha)
            shown = mixed.detach().requires_grad_()
            guess, objective = critic_losses(shown, blended.detach(), alpha)
            of_classifier = classifier_loss(latents)
        *of_critic, of_images = torch.autograd.grad(objective, [*players[1], shown])
        factor = (0.5 * guess / (guess - alpha.flatten())).detach()
        return [torch.autograd.grad([error, mixed], players[0], [torch.ones(()), factor.reshape(-1, 1, 1, 1) * of_images]),
                of_critic, torch.autograd.grad(of_classifier, players[2])]

    def step():
        gradients = (single_pass if one_pass else two_passes)(torch.rand(BATCH, 1, 1, 1) / 2)
        for optimizer, parameters, values in zip(optimizers, players, gradients):
            for parameter, value in zip(parameters, values):
                parameter.grad = value
            optimizer.step()

    def run(count):
        for _ in range(count):
            step()
    return run


SIDES = {'acai_tf': acai_tf_step, **{
    f'pytorch, {"compiled" if compiled else "eager"}, {"one pass" if one_pass else "two passes"}': functools.partial(
        pytorch_step, compiled=compiled, one_pass=one_pass) for compiled in (False, True) for one_pass in (False, True)}}


def measure(options):
    """A process that answers each line of its input, a number of steps, with their seconds."""
    run = SIDES[options.side](options)
    run(1), run(2)
    for line in sys.stdin:
        started = time.perf_counter()
        run(int(line))
        print(time.perf_counter() - started, flush=True)


def compare(row, rounds, minutes):
    """Starts a process for each side and asks them in turn; the row with what was measured.

    A side that is not ready after so many minutes, most of them for its compiler, is left out and named.
    """
    processes = {side: subprocess.Popen([sys.executable, __file__, f'--side={side}', *(
        f'--{name}={value}' for name, value in row.items())], text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL) for side in SIDES}

    def rate(side, steps):
        print(steps, file=processes[side].stdin, flush=True)
        return steps * BATCH / float(processes[side].stdout.readline())

    def is_ready(side):
        print(1, file=processes[side].stdin, flush=True)
        if select.select([processes[side].stdout], [], [], max(0, deadline - time.monotonic()))[0]:
            return processes[side].stdout.readline()
        processes[side].kill()
        return False
    deadline = time.monotonic() + 60 * minutes
    sides = [side for side in SIDES if is_ready(side)]
    steps = max(1, round(SECONDS * max([rate(side, 3) for side in sides]) / BATCH))
    rates = [{side: rate(side, steps) for side in sides} for _ in range(rounds)]
    for process in processes.values():
        process.communicate()
    return row | {'rounds': rounds, 'steps': steps,
                  'img_per_s': {side: round(statistics.median(found[side] for found in rates), 1) for side in sides},
                  'ratio': {side: round(statistics.median(found['acai_tf'] / found[side] for found in rates), 3)
                            for side in sides if side != 'acai_tf'},
                  'minutes': minutes, 'not_ready': [side for side in SIDES if side not in sides]}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--output', help='JSON file to write')
    parser.add_argument('--rounds', type=int, default=7)
    parser.add_argument('--minutes', type=float, default=20, help='after which a side that is not ready is left out')
    parser.add_argument('--depth', type=int, help='only these rows')
    for name in ('side', 'latent_width', 'channels', 'precision'):
        parser.add_argument(f'--{name}', type=str if name in ('side', 'precision') else int, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.side:
        measure(options)
        return
    rows = []
    for row in (row for row in ROWS if options.depth in (None, row['depth'])):
        rows.append(compare(row, options.rounds, options.minutes))
        print(json.dumps(rows[-1]), flush=True)
    if options.output:
        with open(options.output, 'w') as file:
            json.dump(rows, file, indent=1)


if __name__ == '__main__':
    main()
