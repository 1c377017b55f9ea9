// The views but the map. Each fills an element and returns what of it can be taken away, {scene, animated, images, options}
// (see take.js); `changed` keeps the address.

import { choice, draw, fail, h, numberField } from './dom.js';
import { drawImage, imageCanvas } from './images.js';
import { getJSON, newest, picture, post } from './server.js';
import { chosen, info, modelName, nameOf, shown, source, state } from './state.js';

const hint = (text) => h('p', { class: 'hint' }, text);

/** One pane a model that is shown, filled by `fill(pane, model)`; returns [element, the filled]. */
export function panes(fill) {
  const models = shown();
  const filled = [];
  const element = h('div', { class: `panes ${models.length > 1 ? 'two' : ''}` }, ...models.map((model) => {
    const pane = h('div', {}, ...(models.length > 1 ? [h('h3', {}, modelName(model))] : []));
    filled.push(fill(pane, model));
    return pane;
  }));
  return [element, filled];
}

/** Asks every shown model for a scene at once; `show` gets [[model's place, bitmap]]. */
export const asker = (show) => newest((scene) => Promise.all(shown().map((model) => picture(model, scene))),
  (pictures, scene, ...rest) => show(pictures, ...rest), fail);

const pixels = (attributes) => h('canvas', { width: info.width, height: info.height, role: 'img', ...attributes });

// ---- interpolate

export function walk(root, changed) {
  const names = chosen();
  if (names.length < 2) {
    root.append(hint('Choose two images or more: the walk leads from one to the next.'));
    if (names.length) root.append(imageCanvas(names[0], { class: 'end' }));
    return {};
  }
  const rows = names.length - 1;
  state.at = Math.min(state.at, rows);
  const scene = (more) => ({ kind: 'walk', sources: names.map((name) => source(name)), curve: state.curve, steps: state.steps,
    ...more });
  const [element, parts] = panes((pane) => {
    const part = { from: imageCanvas(names[0], { class: 'end' }), to: imageCanvas(names[1], { class: 'end' }),
      point: pixels({ class: 'large', 'aria-label': 'the image at this point of the walk' }),
      sheet: pixels({ 'aria-label': 'the images along the walk' }), mark: h('div', { class: 'mark' }) };
    part.frames = h('div', { class: 'frames', onclick: (event) => jump(event, part) }, part.sheet, part.mark);
    part.row = h('div', { class: 'row' }, h('div', {}, ...names.slice(0, -1).map((name) => imageCanvas(name))), part.frames,
      h('div', {}, ...names.slice(1).map((name) => imageCanvas(name))));
    pane.append(h('div', { class: 'stage' }, part.from, part.point, part.to), part.row);
    return part;
  });
  const slider = h('input', { type: 'range', id: 'at', min: 0, max: rows, step: 0.001, value: state.at,
    'aria-label': 'position along the walk', oninput: () => move(Number(slider.value)) });
  const askPoint = asker((pictures, at) => parts.forEach((part, k) => {
    draw(part.point, pictures[k]);
    part.point.dataset.at = at;
  }));
  const askRows = asker((pictures, key) => parts.forEach((part, k) => {
    draw(part.sheet, pictures[k]);
    part.sheet.dataset.shown = key;
    mark();
  }));

  function mark() {
    const row = Math.min(Math.floor(state.at), rows - 1), column = Math.round((state.at - row) * (state.steps - 1));
    slider.setAttribute('aria-valuetext', `${state.at.toFixed(2)} of ${rows}`);
    for (const { mark: frame, from, to, row: all } of parts) {
      all.style.gridTemplateColumns = `1fr ${state.steps}fr 1fr`;
      Object.assign(frame.style, { left: `${100 * column / state.steps}%`, width: `${100 / state.steps}%`,
        top: `${100 * row / rows}%`, height: `${100 / rows}%` });
      if (from.dataset.image !== String(names[row])) drawImage(from, names[row]).catch(fail);
      if (to.dataset.image !== String(names[row + 1])) drawImage(to, names[row + 1]).catch(fail);
    }
  }

  function move(at) {
    state.at = at;
    mark();
    askPoint(scene({ at }), at);
    changed();
  }

  function jump({ clientX, clientY }, { sheet }) {
    const box = sheet.getBoundingClientRect();
    const column = Math.min(state.steps - 1, Math.floor((clientX - box.left) / box.width * state.steps));
    const row = Math.min(rows - 1, Math.floor((clientY - box.top) / box.height * rows));
    slider.value = row + column / (state.steps - 1);
    move(Number(slider.value));
  }

  const again = () => { askRows(scene(), `${state.curve} ${state.steps}`); move(state.at); };
  root.append(h('div', { class: 'controls' },
    choice('Path', [['lerp', 'straight (lerp)'], ['slerp', 'great circle (slerp)']], state.curve,
      (value) => { state.curve = value; again(); }),
    numberField('Steps', state.steps, 2, Math.min(64, Math.floor(info.most_images / rows)),
      (value) => { state.steps = value; again(); })),
  slider, element);
  state.steps = Math.min(state.steps, Math.floor(info.most_images / rows));
  again();
  return { scene: (whole) => scene({ sources: names.map((name) => source(name, whole)) }), animated: true,
    images: () => names.slice(1).flatMap((name, k) => [names[k], name]),
    options: () => [`--mode=${state.curve}`, `--steps=${state.steps}`] };
}

// ---- grid

export function grid(root, changed) {
  const names = chosen().slice(0, 4);
  if (names.length < 4) {
    root.append(hint(`Choose four images: they become the corners. ${names.length} ${names.length === 1 ? 'is' : 'are'} chosen.`));
    return {};
  }
  const scene = (more) => ({ kind: 'grid', sources: names.map((name) => source(name)), steps: state.size, ...more });
  const [element, parts] = panes((pane) => {
    const part = { point: pixels({ class: 'large', 'aria-label': 'the image at this point of the grid' }),
      sheet: pixels({ 'aria-label': 'the grid between the four images' }), cross: h('div', { class: 'cross' }) };
    part.pad = h('div', { class: 'pad', tabindex: 0, role: 'application',
      'aria-label': 'point in the grid: drag, or use the arrow keys' }, part.sheet, part.cross);
    followPointer(part.pad, (x, y) => move(unit(x), unit(y)));
    part.pad.addEventListener('keydown', (event) => {
      const [dx, dy] = arrow(event);
      if (dx || dy) move(clamp(state.x + dx / 50, 0, 1), clamp(state.y + dy / 50, 0, 1));
    });
    pane.append(h('div', { class: 'stage' }, part.pad, part.point));
    return part;
  });
  // The middle of a cell is its image's point.
  const unit = (part) => clamp((part * state.size - 0.5) / (state.size - 1), 0, 1);
  const askPoint = asker((pictures, x, y) => parts.forEach((part, k) => {
    draw(part.point, pictures[k]);
    part.point.dataset.at = `${x},${y}`;
  }));
  const askSheet = asker((pictures, size) => parts.forEach((part, k) => {
    draw(part.sheet, pictures[k]);
    part.sheet.dataset.shown = size;
  }));

  function move(x, y) {
    Object.assign(state, { x, y });
    for (const { cross, pad } of parts) {
      const place = (value) => `${100 * (value * (state.size - 1) + 0.5) / state.size}%`;
      Object.assign(cross.style, { left: place(x), top: place(y) });
      pad.setAttribute('aria-valuetext', `${x.toFixed(2)} across, ${y.toFixed(2)} down`);
    }
    askPoint(scene({ at: [x, y] }), x, y);
    changed();
  }

  const again = () => { askSheet(scene(), state.size); move(state.x, state.y); };
  root.append(h('div', { class: 'controls' }, numberField('Images each way', state.size, 2, 16, (value) => {
    state.size = value;
    again();
  })), hint('The corners are the first four images: top left, top right, bottom left, bottom right.'), element);
  again();
  return { scene: (whole) => scene({ sources: names.map((name) => source(name, whole)) }), images: () => names,
    options: () => ['--mode=bilinear', `--steps=${state.size}`] };
}

export const clamp = (value, low, high) => Math.min(high, Math.max(low, value));

export function arrow(event) {
  const moved = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[event.key];
  if (!moved || event.ctrlKey || event.altKey || event.metaKey) return [0, 0];
  event.preventDefault();
  return event.shiftKey ? moved.map((one) => 5 * one) : moved;
}

/** Calls back with the place in an element, 0 to 1 each way, while a pointer is down. */
function followPointer(element, move) {
  const at = ({ clientX, clientY }) => {
    const box = element.getBoundingClientRect();
    move((clientX - box.left) / box.width, (clientY - box.top) / box.height);
  };
  element.addEventListener('pointerdown', (event) => {
    if (event.button !== 0) return;
    element.setPointerCapture(event.pointerId);
    element.focus({ preventScroll: true });
    at(event);
  });
  element.addEventListener('pointermove', (event) => { if (element.hasPointerCapture(event.pointerId)) at(event); });
}

// ---- directions

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
  const ask = asker((pictures, key) => canvases.forEach((canvas, k) => {
    draw(canvas, pictures[k]);
    canvas.dataset.at = key;
  }));
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
        'aria-valuetext': `${value} standard deviations`, oninput: () => set(k, Number(slider.value)) });
      const field = h('input', { type: 'number', min: -10, max: 10, step: 0.05, value,
        'aria-label': `axis ${k + 1}, standard deviations`,
        oninput: () => { if (field.value !== '' && Math.abs(Number(field.value)) <= 10) set(k, Number(field.value)); } });
      fields.push([slider, field]);
      return h('div', { class: 'axis' }, h('label', { for: `axis-${k}`, title: 'share of the variance' },
        `${k + 1} · ${share(k)}`), slider, field);
    }), ...(most > count ? [h('button', { onclick: () => { build(all, most); fields[count][0].focus(); } },
      `Show all ${most}`)] : []));
  };
  root.append(h('div', { class: 'controls' },
    choice('From', [[-1, 'the mean of the test images'], ...names.map((name, k) => [k, nameOf(name)])], state.base,
      (value) => { state.base = Number(value); show(); }),
    h('button', { onclick: () => setAll([]) }, 'Reset'),
    numberField('Seed', state.seed, 0, 2 ** 31, (value) => { state.seed = value; changed(); }),
    h('button', { onclick: () => {
      const draws = normals(state.seed);
      setAll(fields.map(() => Math.round(20 * draws.next().value) / 20));
    } }, 'Random by seed')),
  element, hint('Along the principal axes of the test images’ latents, in standard deviations; beside each its share of the variance.'),
  axes);
  Promise.all(shown().map((model) => getJSON(`api/axes?model=${model}`)))
    .then((all) => {
      if (!axes.isConnected) return;
      build(all, Math.max(FIRST_AXES, state.values.length));
      show();
    }).catch(fail);
  return { scene };
}

// ---- samples

export function samples(root, changed) {
  const scene = () => ({ kind: 'samples', from: state.from, seed: state.seed, rows: state.rows, columns: state.columns });
  const [element, canvases] = panes((pane) => {
    const canvas = pixels({ class: 'wide', 'aria-label': 'samples', width: state.columns * info.width,
      height: state.rows * info.height });
    pane.append(canvas);
    return canvas;
  });
  const ask = asker((pictures, key) => canvases.forEach((canvas, k) => {
    draw(canvas, pictures[k]);
    canvas.dataset.shown = key;
  }));
  const again = () => { ask(scene(), `${state.from} ${state.seed} ${state.rows} ${state.columns}`); changed(); };
  const seed = numberField('Seed', state.seed, 0, 2 ** 31, (value) => { state.seed = value; again(); });
  root.append(h('div', { class: 'controls' },
    choice('From', [['prior', 'the prior N(0, I)'], ['mixture', 'a mixture of Gaussians']], state.from,
      (value) => { state.from = value; again(); }), seed,
    h('button', { onclick: () => { state.seed += 1; seed.querySelector('input').value = state.seed; again(); } }, 'Others'),
    numberField('Rows', state.rows, 1, 32, (value) => { state.rows = value; again(); }),
    numberField('Columns', state.columns, 1, 32, (value) => { state.columns = value; again(); })),
  hint('Only some systems (vae, aae) are trained to have the prior N(0, I); the mixture is fitted to the latents of training images of any.'),
  element);
  again();
  return { scene, options: () => ['--mode=samples', `--from=${state.from}`, `--seed=${state.seed}`, `--rows=${state.rows}`,
    `--steps=${state.columns}`] };
}

// ---- what it is

function rowsOf(values, prefix = '') {
  return Object.entries(values).flatMap(([key, value]) => {
    if (value !== null && typeof value === 'object' && !Array.isArray(value)) return rowsOf(value, `${prefix}${key} · `);
    const text = typeof value === 'number' && !Number.isInteger(value) ? Number(value.toPrecision(4)) : value ?? 'undefined';
    return [h('tr', {}, h('th', { scope: 'row' }, prefix + key), h('td', {}, Array.isArray(text) ? text.join('×') : String(text)))];
  });
}

export function about(root) {
  const names = chosen();
  const [element] = panes((pane, number) => {
    const model = info.models[number];
    const pairs = h('div', { class: 'pairs' });
    pane.append(h('h2', {}, 'Reconstructions'), pairs, h('h2', {}, 'Model'), h('table', {}, h('tbody', {}, ...rowsOf({
      model: model.model, 'trained on': model.dataset, step: model.step, images: model.image_shape,
      latents: model.latent_shape, ...model.options, ...model.hyperparameters, 'saved model': model.path }))));
    for (const [name, figures] of Object.entries(model.measures)) {
      pane.append(h('h2', {}, name === 'training' ? 'At the end of training' : `Measure ${name}`),
        h('table', {}, h('tbody', {}, ...rowsOf(figures))));
    }
    if (!Object.keys(model.measures).length) pane.append(hint('No measures are found beside this model.'));
    if (!names.length) pairs.append(hint('Choose images to see their reconstructions.'));
    else reconstruct(pairs, number).catch(fail);
  });

  async function reconstruct(pairs, number) {
    const scene = { kind: 'images', sources: names.map((name) => source(name, true)) };
    const [sheet, { errors }] = await Promise.all([picture(number, scene),
      post('api/errors', [number], scene).then((response) => response.json())]);
    pairs.append(...names.map((name, k) => {
      const canvas = pixels({ 'aria-label': `reconstruction of ${nameOf(name)}`, class: 'reconstruction' });
      draw(canvas, sheet, k * info.width, 0, info.width, info.height);
      return h('figure', {}, h('div', {}, imageCanvas(name), canvas),
        h('figcaption', {}, `${nameOf(name)}: RMSE ${errors[k].rmse.toFixed(1)} of 255, MSE ${errors[k].mse.toPrecision(3)}`));
    }));
  }
  root.append(element);
  if (!names.length) return {};
  return { scene: (whole) => ({ kind: 'images', sources: names.map((name) => source(name, whole)) }), images: () => names,
    options: () => ['--mode=reconstruction'] };
}
