// About a model, and its reconstructions.

import { draw, failIn, h } from './dom.js';
import { imageCanvas } from './images.js';
import { hint, panes, pixels } from './panes.js';
import { picture, post } from './server.js';
import { chosen, info, nameOf, sources } from './state.js';

function rowsOf(values, prefix = '') {
  return Object.entries(values).flatMap(([key, value]) => {
    if (value !== null && typeof value === 'object' && !Array.isArray(value)) return rowsOf(value, `${prefix}${key} · `);
    const text = typeof value === 'number' && !Number.isInteger(value) ? Number(value.toPrecision(4)) : value ?? 'undefined';
    return [h('tr', {}, h('th', { scope: 'row' }, prefix + key), h('td', {}, Array.isArray(text) ? text.join('×') : String(text)))];
  });
}

export function about(root) {
  const names = chosen();
  const scene = (whole) => ({ kind: 'images', sources: sources(names, whole) });
  const [element] = panes((pane, number) => {
    const model = info.models[number];
    const pairs = h('div', { class: 'pairs' });
    pane.append(h('h2', {}, 'Reconstructions'), pairs, h('h2', {}, 'Model'), h('table', {}, h('tbody', {}, ...rowsOf({
      model: model.model, 'trained on': model.dataset, step: model.step, images: model.image_shape,
      latents: model.latent_shape, ...model.options, ...model.model_options, 'saved model': model.path }))));
    for (const [name, values] of Object.entries(model.metrics)) {
      pane.append(h('h2', {}, name === 'training' ? 'At the end of training' : `Metric ${name}`),
        h('table', {}, h('tbody', {}, ...rowsOf(values))));
    }
    if (!Object.keys(model.metrics).length) pane.append(hint('This model has no saved metrics.'));
    if (!names.length) pairs.append(hint('Choose images to see their reconstructions.'));
    else reconstruct(pairs, number).catch(failIn(pairs));
  });

  async function reconstruct(pairs, number) {
    const [sheet, { errors }] = await Promise.all([picture(number, scene(true)),
      post('api/errors', [number], scene(true)).then((response) => response.json())]);
    pairs.append(...names.map((name, k) => {
      const canvas = pixels({ 'aria-label': `reconstruction of ${nameOf(name)}`, class: 'reconstruction' });
      draw(canvas, sheet, k * info.width, 0, info.width, info.height);
      return h('figure', {}, h('div', {}, h('span', {}, imageCanvas(name), 'original'), h('span', {}, canvas, 'reconstruction')),
        h('figcaption', {}, `${nameOf(name)}: RMSE ${errors[k].rmse.toFixed(1)} of 255, MSE ${errors[k].mse.toPrecision(3)}`));
    }));
  }
  root.append(element);
  return names.length ? { scene, images: () => names, options: () => ['--mode=reconstruction'] } : {};
}
