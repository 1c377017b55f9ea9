// The test images and their strip, the chosen images, and the user's own files.

import { byId, draw, fail, h, status } from './dom.js';
import { pixels } from './panes.js';
import { bitmap, encode, sheet } from './server.js';
import { base64Of, bytesOf, chosen, info, nameOf, own, state } from './state.js';

const PER_PAGE = 60, MOST_CHOSEN = 64, MOST_BYTES = 16 * 2 ** 20;
const sheets = new Map();
let changed = () => {};

/** Draws an image on a canvas: a test image by number, or one of the user's own images by name. */
export async function drawImage(canvas, name) {
  canvas.dataset.image = name;
  if (typeof name !== 'number') {
    const image = own.get(name);
    if (image) draw(canvas, image.pixels);
    return;
  }
  const { per_sheet: perSheet, columns, width, height } = info;
  const number = Math.floor(name / perSheet), k = name % perSheet;
  if (!sheets.has(number)) {
    sheets.set(number, sheet(number));
    sheets.get(number).catch(() => sheets.delete(number));
  }
  const images = await sheets.get(number);
  if (canvas.dataset.image === String(name)) {
    draw(canvas, images, (k % columns) * width, Math.floor(k / columns) * height, width, height);
  }
}

export function imageCanvas(name, attributes = {}) {
  const canvas = pixels({ 'aria-label': nameOf(name), ...attributes });
  drawImage(canvas, name).catch(fail);
  return canvas;
}

/** Chooses an image, or removes it from the chosen ones. */
export function toggle(name) {
  status('');
  const now = state.chosen ?? [];
  if (!now.includes(name) && now.length >= MOST_CHOSEN) {
    status(`${MOST_CHOSEN} images are chosen; remove one first`, true);
    return;
  }
  state.chosen = now.includes(name) ? now.filter((one) => one !== name) : [...now, name];
  state.at = Math.min(state.at, Math.max(1, state.chosen.length - 1));
  changed();
}

function chooseAtRandom() {
  const pool = ofClass(), count = Math.min(Math.max(state.view === 'grid' ? 4 : 2, chosen().length), pool.length);
  const picked = new Set();
  while (picked.size < count) picked.add(pool[Math.floor(Math.random() * pool.length)]);
  state.chosen = [...picked];
  changed();
}

const ofClass = () => {
  const numbers = [...info.labels.keys()];
  return state.class < 0 ? numbers : numbers.filter((number) => info.labels[number] === state.class);
};

export function showStrip() {
  const all = ofClass();
  state.first = Math.min(state.first, Math.max(0, all.length - 1));
  const page = all.slice(state.first, state.first + PER_PAGE);
  const focused = document.activeElement?.closest('#strip button')?.dataset.number;
  byId('strip').replaceChildren(...page.map((number) => h('button', {
    class: 'thumb', 'data-number': number, 'aria-label': nameOf(number), title: nameOf(number),
    'aria-pressed': chosen().includes(number), onclick: () => toggle(number) },
  imageCanvas(number, { 'aria-hidden': true }))));
  if (focused) byId('strip').querySelector(`[data-number="${focused}"]`)?.focus();
  const count = info.labels.length < info.total ? `${all.length} (first ${info.labels.length} of ${info.total})` : all.length;
  byId('range').textContent = page.length ? `${state.first + 1}–${state.first + page.length} of ${count}` : 'none';
  byId('previous').disabled = state.first === 0;
  byId('next').disabled = state.first + PER_PAGE >= all.length;
}

export function showChosen() {
  const names = chosen();
  byId('chosen').replaceChildren(...names.map((name) => h('li', {}, h('button', {
    class: 'thumb', title: `Remove ${nameOf(name)}`, 'aria-label': `Remove ${nameOf(name)}`,
    onclick: () => {
      state.chosen = names;
      toggle(name);
      (byId('chosen').querySelector('button') ?? byId('random')).focus();
    } }, imageCanvas(name, { 'aria-hidden': true })))));
  const choose = info.labels.length ? 'Choose images below, in order, or drop' : `The images of ${info.dataset} are not available; drop`;
  byId('hint').textContent = names.length && state.chosen ? `${names.length} chosen` : `${choose} image files here.`;
}

function freeName(name) {
  const plain = name.replaceAll(',', '_').replace(/^\d+$/, '$&_') || 'image';
  for (let k = 1; ; k += 1) {
    const tried = k === 1 ? plain : `${k}-${plain}`;
    if (!own.has(tried)) return tried;
  }
}

/** Has the server encode a file, and registers the image as `name`. `path` is the file's name. */
export async function addOwn(name, bytes, path) {
  const { latents, picture } = await encode(bytes);
  own.set(name, { path, file: base64Of(bytes), picture, latents, pixels: await bitmap(new Response(bytesOf(picture))) });
}

async function addFiles(files) {
  for (const file of files) {
    try {
      if (file.size > MOST_BYTES) throw new Error('it is larger than 16 MiB');
      status(`reading ${file.name}`);
      const name = freeName(file.name);
      await addOwn(name, new Uint8Array(await file.arrayBuffer()), file.name);
      toggle(name);
    } catch (error) {
      status(`${file.name}: ${error.message}`, true);
    }
  }
}

export function setUpImages(onChange) {
  changed = onChange;
  const classes = byId('class');
  classes.append(h('option', { value: -1 }, 'all'), ...info.class_names.map((name, k) => h('option', { value: k }, name)));
  classes.closest('label').hidden = info.class_names.length < 2;
  for (const element of document.querySelectorAll('.of-tests')) element.hidden = !info.labels.length;
  classes.addEventListener('change', () => { state.class = Number(classes.value); state.first = 0; changed(); });
  byId('previous').addEventListener('click', () => { state.first = Math.max(0, state.first - PER_PAGE); changed(); });
  byId('next').addEventListener('click', () => { state.first += PER_PAGE; changed(); });
  byId('random').addEventListener('click', chooseAtRandom);
  byId('clear').addEventListener('click', () => { state.chosen = []; changed(); });
  byId('files').addEventListener('change', ({ target }) => { addFiles([...target.files]); target.value = ''; });
  // Files may be dropped anywhere.
  document.addEventListener('dragover', (event) => { event.preventDefault(); byId('chosen').classList.add('over'); });
  document.addEventListener('dragleave', () => byId('chosen').classList.remove('over'));
  document.addEventListener('drop', (event) => {
    event.preventDefault();
    byId('chosen').classList.remove('over');
    addFiles([...event.dataTransfer.files]);
  });
}
