// Sliders along the principal axes.

import { failIn, h } from './dom.js';
import { asker, choice, hint, numberField, panes, pixels } from './panes.js';
import { arrow, clamp } from './pointer.js';
import { getJSON } from './server.js';
import { chosen, nameOf, shown, source, state } from './state.js';

const FIRST_AXES = 12;

/** Standard normal numbers from a seed (mulberry32, then Box and Muller). */
function* normals(seed) {
  const uniform = () => {
    seed = (seed + 0x6D2B79F5) | 0;
    let t = Math.imul(seed ^ (seed >>> 15), 1 | seed);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
  for (;;) yield Math.sqrt(-2 * Math.log(1 - uniform())) * Math.cos(2 * Math.PI * uniform());
}

export function directions(root, changed) {
  const names = chosen();
  if (state.base >= names.length) state.base = -1;
  const scene = () => ({ kind: 'directions', values: state.values,
    source: state.base < 0 ? null : source(names[state.base]) });
  const [element, canvases] = panes((pane) => {
    const canvas = pixels({ class: 'large', 'aria-label': 'the image at this point' });
    pane.append(h('div', { class: 'stage' }, canvas));
    return canvas;
  });
  const ask = asker(canvases, 'at');
  const axes = h('div', { class: 'axes' });
  let fields = [];

  const show = () => { ask(scene(), state.values.join(',')); changed(); };
  const set = (k, value) => {
    while (state.values.length <= k) state.values.push(0);
    state.values[k] = value;
    for (const field of fields[k]) if (Number(field.value) !== value) field.value = value;
    show();
  };
  const setAll = (values) => {
    state.values = values;
    fields.forEach((pair, k) => pair.forEach((field) => { field.value = values[k] ?? 0; }));
    show();
  };
  const build = (all, count) => {
    const share = (k) => all.map(({ shares }) => (k < shares.length ? `${(100 * shares[k]).toFixed(1)}%` : '–')).join(' / ');
    const most = Math.max(...all.map(({ shares }) => shares.length));
    fields = [];
    axes.replaceChildren(...Array.from({ length: Math.min(count, most) }, (_, k) => {
      const value = state.values[k] ?? 0;
      const slider = h('input', { type: 'range', min: -4, max: 4, step: 0.05, value, id: `axis-${k}`,
        title: 'standard deviations', oninput: () => set(k, Number(slider.value)), onkeydown: (event) => {
          const [right, down] = arrow(event);
          if (right || down) set(k, clamp(Math.round(20 * (state.values[k] ?? 0) + right - down) / 20, -4, 4));
        } });
      const field = h('input', { type: 'number', min: -10, max: 10, step: 0.05, value,
        'aria-label': `axis ${k + 1}, standard deviations`,
        oninput: () => { if (field.value !== '' && Math.abs(Number(field.value)) <= 10) set(k, Number(field.value)); } });
      fields.push([slider, field]);
      return h('div', { class: `axis ${all.length > 1 ? 'two' : ''}` }, h('label', { for: `axis-${k}`, title: 'share of the variance' },
        `${k + 1} · ${share(k)}`), slider, field);
    }), ...(most > count ? [h('button', { onclick: () => { build(all, most); fields[count][0].focus(); } },
      `Show all ${most}`)] : []));
  };
  root.append(h('div', { class: 'controls' },
    choice('From', 'base', [[-1, 'the mean of the test images'], ...names.map((name, k) => [k, nameOf(name)])], show),
    h('button', { onclick: () => setAll([]) }, 'Reset'),
    numberField('Seed', 'seed', 0, 2 ** 31, changed),
    h('button', { onclick: () => {
      const draws = normals(state.seed);
      setAll(fields.map(() => Math.round(20 * draws.next().value) / 20));
    } }, 'Random by seed')),
  element, hint('Moves along the principal axes of the test images’ latents, in standard deviations. Each label shows the axis’s share of the variance.'),
  axes);
  Promise.all(shown().map((model) => getJSON(`api/axes?model=${model}`)))
    .then((all) => {
      if (!axes.isConnected) return;
      build(all, Math.max(FIRST_AXES, state.values.length));
      show();
    }).catch(failIn(axes));
  return { scene };
}
