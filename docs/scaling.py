"""How ACAI's training step scales on this machine: images per second and memory, by batch, depth, image size and replicas.

    python docs/scaling.py --output=scaling.json --figure=scaling.png

Each row is a process of its own, so that the memory is that row's (the most that was resident, TensorFlow included; on a
GPU, the most that was allocated there). Rows differ from the published size of `lines32` (batch 64, depth 16, 32x32x1,
latent_width 2) in one thing; image sizes above 32 have latent_width 4. `fraction` is that of the rate of matrix
multiplications, measured in turn, by the straightforward count of the convolutions' operations; bfloat16's is of bfloat16's
rate. Replicas are GPUs where there are some, else logical devices that share the CPU, and `batch` is one replica's.
"""

import argparse
import json
import resource
import statistics
import subprocess
import sys
import time

USUAL = {'batch': 64, 'depth': 16, 'size': 32, 'replicas': 1}
VARIED = {'batch': (1, 4, 16, 64, 128, 256, 512), 'depth': (8, 16, 32, 64), 'size': (32, 64, 128), 'replicas': (1, 2)}
CALLS, SECONDS = 7, 1.0


def measure(point):
    """Figures of one row."""
    import tensorflow as tf
    gpus, cpu = tf.config.list_physical_devices('GPU'), tf.config.list_physical_devices('CPU')[0]
    replicas = point['replicas']
    if not gpus:
        tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * replicas)

    from acai_tf import benchmark, models, training
    strategy = tf.distribute.get_strategy() if replicas == 1 else tf.distribute.MirroredStrategy(
        [f'{"GPU" if gpus else "CPU"}:{i}' for i in range(replicas)])
    shape, batch = (point['size'], point['size'], 1), point['batch'] * replicas
    with strategy.scope():
        model = models.create('acai', shape, 10, depth=point['depth'], latent=16, latent_width=2 if shape[0] == 32 else 4,
                              dtype=benchmark.POLICIES[point['precision']])
        model.compile()
    images = tf.random.stateless_uniform([batch, *shape], [0, 0], -1, 1)
    data = tf.data.Dataset.from_tensors((images, tf.range(batch, dtype=tf.int64) % 10)).repeat()
    batches = iter(strategy.experimental_distribute_dataset(data))
    run_steps = training.step_function(model, strategy)

    def seconds_of(steps):
        started = time.perf_counter()
        run_steps(tf.constant(steps), batches).numpy()
        return time.perf_counter() - started
    seconds_of(1)
    steps = max(1, round(SECONDS / min(seconds_of(1) for _ in range(3))))
    rows = [(batch * steps / seconds_of(steps), benchmark.matmul_gflops(point['precision'])) for _ in range(CALLS)]
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    if gpus:
        memory = tf.config.experimental.get_memory_info('GPU:0')['peak'] / 2**20
    return {'img_per_s': statistics.median(rate for rate, _ in rows), 'memory_mib': round(memory),
            'fraction': statistics.median(rate * benchmark.acai_step_flops(model) / 1e9 / most for rate, most in rows)}


def draw(rows, path):
    """A panel for each thing that is varied."""
    import matplotlib.figure
    figure = matplotlib.figure.Figure(figsize=(11, 3.2), layout='constrained')
    panels = figure.subplots(1, 3)
    for axes, name in zip(panels, ('batch', 'depth', 'size')):
        for precision in ('float32', 'bfloat16'):
            points = [row for row in rows if row['varied'] == name and row['precision'] == precision]
            axes.loglog([row[name] for row in points], [row['img_per_s'] for row in points], 'o-', label=precision)
        axes.set_xticks(VARIED[name], VARIED[name])
        axes.minorticks_off()
        axes.set_xlabel({'size': 'height and width of the images'}.get(name, name))
        axes.grid(alpha=0.3)
    panels[0].set_ylabel('images/s')
    panels[0].legend()
    figure.savefig(path, dpi=110)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split('\n')[0])
    parser.add_argument('--output', help='JSON file to write')
    parser.add_argument('--figure', help='PNG file to write')
    parser.add_argument('--point', help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.point:
        print(json.dumps(measure(json.loads(options.point))))
        return
    rows, seen = [], {}
    print('| varied | precision | images/s | of the matmul rate | MiB |\n|---|---|---|---|---|')
    for precision in ('float32', 'bfloat16'):
        for name, values in VARIED.items():
            for value in values:
                point = USUAL | {name: value, 'precision': precision}
                key = json.dumps(point)
                if key not in seen:
                    done = subprocess.run([sys.executable, __file__, f'--point={key}'], stdout=subprocess.PIPE,
                                          stderr=subprocess.DEVNULL, text=True, check=True)
                    seen[key] = json.loads(done.stdout.splitlines()[-1])
                rows.append(point | {'varied': name} | seen[key])
                print('| {} {} | {} | {:,.0f} | {:.2f} | {:,} |'.format(
                    name, value, precision, *(seen[key][figure] for figure in ('img_per_s', 'fraction', 'memory_mib'))),
                    flush=True)
    if options.output:
        with open(options.output, 'w') as file:
            json.dump(rows, file, indent=1)
    if options.figure:
        draw(rows, options.figure)


if __name__ == '__main__':
    main()
