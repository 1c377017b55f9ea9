// What the views share: a pane for each model that is shown, and the pictures in it.

import { fail, h } from './dom.js';
import { newest, picture } from './server.js';
import { info, modelName, shown } from './state.js';

export const hint = (text) => h('p', { class: 'hint' }, text);

/** A pane for each model that is shown, filled by `fill(pane, model)`; returns [element, what `fill` returned]. */
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

/** Asks every model that is shown for a scene at once; `show` gets their bitmaps, in order. */
export const asker = (show) => newest((signal, scene) => Promise.all(shown().map((model) => picture(model, scene, signal))),
  (pictures, scene, ...rest) => show(pictures, ...rest), fail);

export const pixels = (attributes) => h('canvas', { width: info.width, height: info.height, role: 'img', ...attributes });
