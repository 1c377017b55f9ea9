// Samples from the prior or from a mixture of Gaussians.

import { h } from './dom.js';
import { asker, choice, hint, numberField, panes, pixels } from './panes.js';
import { info, state } from './state.js';

export function samples(root, changed) {
  const scene = () => ({ kind: 'samples', from: state.from, seed: state.seed, rows: state.rows, columns: state.columns });
  const [element, canvases] = panes((pane) => {
    const canvas = pixels({ class: 'wide', 'aria-label': 'samples', width: state.columns * info.width,
      height: state.rows * info.height });
    pane.append(canvas);
    return canvas;
  });
  const ask = asker(canvases, 'shown');
  const again = () => { ask(scene(), `${state.from} ${state.seed} ${state.rows} ${state.columns}`); changed(); };
  const seed = numberField('Seed', 'seed', 0, 2 ** 31, again);
  root.append(h('div', { class: 'controls' },
    choice('From', 'from', [['prior', 'the prior N(0, I)'], ['mixture', 'a mixture of Gaussians']], again), seed,
    h('button', { onclick: () => { state.seed += 1; seed.querySelector('input').value = state.seed; again(); } }, 'Resample'),
    numberField('Rows', 'rows', 1, 32, again), numberField('Columns', 'columns', 2, 32, again)),
  hint('Only some systems (vae, aae) are trained to have the prior N(0, I). The mixture is fitted to the training latents of any system.'),
  element);
  again();
  return { scene, options: () => ['--mode=samples', `--from=${state.from}`, `--seed=${state.seed}`, `--rows=${state.rows}`,
    `--steps=${state.columns}`] };
}
