// Starts the page, and updates it when the user chooses something.

import { about } from './about.js';
import { directions } from './directions.js';
import { byId, fail, h, status } from './dom.js';
import { grid } from './grid.js';
import { addOwn, setUpImages, showChosen, showStrip } from './images.js';
import { map } from './map.js';
import { samples } from './samples.js';
import { getJSON, leaveView } from './server.js';
import { address, info, modelName, read, state } from './state.js';
import { setUpTake, showTake } from './take.js';
import { walk } from './walk.js';

// A view fills an element, calls `changed` when the address must be updated, and returns what can be downloaded:
// {scene, animated, images, options} (see take.js).
const VIEWS = { walk, grid, directions, map, samples, about };
let view = {}, built = '', timer = null;

/** Updates the address, but not at every event, because browsers limit the rate. */
function changed() {
  showTake(view);
  timer ??= setTimeout(() => {
    timer = null;
    history.replaceState(null, '', `#${address()}`);
  }, 200);
}

function render() {
  for (const tab of document.querySelectorAll('[role=tab]')) {
    const selected = tab.dataset.view === state.view;
    tab.setAttribute('aria-selected', selected);
    tab.tabIndex = selected ? 0 : -1;
  }
  byId('view').setAttribute('aria-labelledby', `tab-${state.view}`);
  byId('model').value = state.model;
  const others = [...info.models.keys()].filter((number) => number !== state.model);
  byId('compare').replaceChildren(h('option', { value: -1 }, 'nothing'), ...others.map(modelOption));
  byId('compare').value = state.compare;
  byId('class').value = state.class;
  showStrip();
  showChosen();
  const now = [state.view, state.model, state.compare, state.projection].join();
  if (view.update && built === now) view.update();
  else {
    leaveView();
    byId('view').replaceChildren();
    view = {};
    view = VIEWS[state.view](byId('view'), changed);
  }
  built = now;
  changed();
}

async function readAddress() {
  const files = read(location.hash);
  const failed = new Set();
  for (const [name, bytes, path] of files) {
    try {
      await addOwn(name, bytes, path);
    } catch (error) {
      failed.add(name);
      status(`${name}: ${error.message}`, true);
    }
  }
  state.chosen = state.chosen?.filter((name) => !failed.has(name)) ?? null;
  built = '';
  render();
}

const modelOption = (number) => h('option', { value: number }, modelName(number));

function setUpHeader() {
  byId('model').append(...info.models.map((_, k) => modelOption(k)));
  byId('compare-label').hidden = info.models.length < 2;
  const choose = (model, compare) => {
    Object.assign(state, { model, compare: compare === model ? state.model : compare });
    status('');
    render();
  };
  byId('model').addEventListener('change', ({ target }) => choose(Number(target.value), state.compare));
  byId('compare').addEventListener('change', ({ target }) => choose(state.model, Number(target.value)));
  const tabs = [...document.querySelectorAll('[role=tab]')];
  tabs.forEach((tab, k) => {
    tab.addEventListener('click', () => { state.view = tab.dataset.view; status(''); render(); });
    tab.addEventListener('keydown', ({ key }) => {
      const to = { ArrowRight: k + 1, ArrowLeft: k - 1, Home: 0, End: tabs.length - 1 }[key];
      if (to === undefined) return;
      const next = tabs[(to + tabs.length) % tabs.length];
      next.focus();
      next.click();
    });
  });
}

try {
  status('loading …');
  Object.assign(info, await getJSON('api/state'));
  document.title = `${info.models[0].model} on ${info.dataset} – acai_explore`;
  setUpHeader();
  setUpImages(render);
  setUpTake(() => view);
  window.addEventListener('hashchange', readAddress);
  status('');
  await readAddress();
  document.body.dataset.ready = 'yes';
} catch (error) {
  fail(error);
}
