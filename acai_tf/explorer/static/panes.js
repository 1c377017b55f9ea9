// Shared by the views: panes with pictures for each visible model, and fields for parts of the state.

import { draw, h } from './dom.js';
import { newest, picture } from './server.js';
import { info, modelName, shown, state } from './state.js';

export const hint = (text) => h('p', { class: 'hint' }, text);

/** Makes a pane for each visible model, filled by `fill(pane, model)`; returns [element, results of `fill`]. */
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

/** Requests a scene from all visible models together, and draws it on their canvases, with `key` as their data attribute. */
export const asker = (canvases, attribute) => newest(
  (signal, scene) => Promise.all(shown().map((model) => picture(model, scene, signal))),
  (pictures, scene, key) => canvases.forEach((canvas, k) => {
    draw(canvas, pictures[k]);
    canvas.dataset[attribute] = key;
  }));

/** A labeled number field for a part of the state; calls `changed` after each change to a number in the range. */
export const numberField = (label, key, low, high, changed) => h('label', {}, `${label} `, h('input', {
  type: 'number', min: low, max: high, step: 1, value: state[key], oninput: ({ target }) => {
    if (target.value === '' || !target.checkValidity()) return;
    state[key] = Number(target.value);
    changed();
  } }));

/** A labeled selection for a part of the state, from pairs of a value and a text. */
export const choice = (label, key, choices, changed) => h('label', {}, `${label} `, h('select', {
  onchange: ({ target }) => {
    [state[key]] = choices[target.selectedIndex];
    changed();
  } }, ...choices.map(([value, text]) => h('option', { value, selected: value === state[key] }, text))));

export const pixels = (attributes) => h('canvas', { width: info.width, height: info.height, role: 'img', ...attributes });
