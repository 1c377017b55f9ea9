// Samples from the prior or from a mixture of Gaussians.

import { choice, h, numberField } from './dom.js';
import { asker, hint, panes, pixels } from './panes.js';
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
  const seed = numberField('Seed', state.seed, 0, 2 ** 31, (value) => { state.seed = value; again(); });
  root.append(h('div', { class: 'controls' },
    choice('From', [['prior', 'the prior N(0, I)'], ['mixture', 'a mixture of Gaussians']], state.from,
      (value) => { state.from = value; again(); }), seed,
    h('button', { onclick: () => { state.seed += 1; seed.querySelector('input').value = state.seed; again(); } }, 'Resample'),
    numberField('Rows', state.rows, 1, 32, (value) => { state.rows = value; again(); }),
    numberField('Columns', state.columns, 1, 32, (value) => { state.columns = value; again(); })),
  hint('Only some systems (vae, aae) are trained to have the prior N(0, I). The mixture is fitted to the training latents of any system.'),
  element);
  again();
  return { scene, options: () => ['--mode=samples', `--from=${state.from}`, `--seed=${state.seed}`, `--rows=${state.rows}`,
    `--steps=${state.columns}`] };
}
