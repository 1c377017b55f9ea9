// The state of the page, and the address that stores it.

export const info = {}; // the answer of /api/state; constant

const DEFAULTS = {
  view: 'walk', model: 0, compare: -1, chosen: null, curve: 'lerp', steps: 16, at: 0.5, size: 8, x: 0.5, y: 0.5, base: -1,
  values: [], seed: 0, from: 'prior', rows: 6, columns: 16, projection: 'pca', hidden: [], plane: null, class: -1, first: 0,
};
export const state = { ...DEFAULTS };

/** The user's own images: {name: {path, file, picture, latents, pixels}}; `path` is the file's name, `file` and `picture` are base64. */
export const own = new Map();

const LONGEST_FILE = 16384; // base64 characters of a file in the address; a larger file is replaced by its picture

// Readers of a text in the address, or null; `other` is the value if it is invalid.
const inRange = (low, high) => (text, other) => {
  const value = Number(text);
  return text !== null && text !== '' && value >= low && value <= high ? value : other;
};
const whole = (low, high) => (text, other) => Math.round(inRange(low, high)(text, other));
const oneOf = (...choices) => (text, other) => (choices.includes(text) ? text : other);
const numbers = (text) => (text ? text.split(',').map(Number) : []);
const urlSafe = (text) => text.replaceAll('+', '-').replaceAll('/', '_').replaceAll('=', '');
const plainBase64 = (text) => text.replaceAll('-', '+').replaceAll('_', '/');

export const bytesOf = (base64) => Uint8Array.from(atob(base64), (letter) => letter.charCodeAt(0));

export function base64Of(bytes) {
  let text = '';
  for (let start = 0; start < bytes.length; start += 8192) text += String.fromCharCode(...bytes.subarray(start, start + 8192));
  return btoa(text);
}

/** The part of the address after #. */
export function address() {
  const said = new URLSearchParams();
  for (const [key, value] of Object.entries(state)) {
    if (JSON.stringify(value) !== JSON.stringify(DEFAULTS[key])) said.set(key, Array.isArray(value) ? value.join(',') : value);
  }
  for (const name of state.chosen ?? []) {
    const image = own.get(name);
    if (!image) continue;
    said.set(`file-${name}`, urlSafe(image.file.length <= LONGEST_FILE ? image.file : image.picture));
    if (image.path !== name) said.set(`path-${name}`, image.path);
  }
  return said.toString();
}

/**
 * Restores the state from an address; returns [[name, bytes, path]] of the user's own images in it. Skips invalid parts.
 */
export function read(hash) {
  const said = new URLSearchParams(hash.replace(/^#/, ''));
  const get = (key) => said.get(key);
  const count = info.labels.length, models = info.models.length;
  const readers = {
    view: oneOf('walk', 'grid', 'directions', 'map', 'samples', 'about'), model: whole(0, models - 1),
    compare: whole(-1, models - 1), curve: oneOf('lerp', 'slerp'), steps: whole(2, 64), at: inRange(0, 64), size: whole(2, 16),
    x: inRange(0, 1), y: inRange(0, 1), base: whole(-1, 63), seed: whole(0, 2 ** 31), from: oneOf('prior', 'mixture'),
    rows: whole(1, 32), columns: whole(2, 32), projection: oneOf('pca', 'tsne'), class: whole(-1, info.class_names.length - 1),
    first: whole(0, count - 1),
  };
  Object.assign(state, DEFAULTS, { hidden: numbers(get('hidden')).filter((one) => one >= 0),
    values: numbers(get('values')).map((value) => inRange(-10, 10)(value, 0)) });
  for (const [key, reader] of Object.entries(readers)) state[key] = reader(get(key), DEFAULTS[key]);
  if (state.compare === state.model) state.compare = -1;
  const plane = numbers(get('plane'));
  state.plane = plane.length === 2 && plane.every(Number.isFinite) ? plane : null;
  const files = [];
  if (said.has('chosen')) {
    state.chosen = get('chosen').split(',').flatMap((name) => {
      if (/^\d+$/.test(name)) return Number(name) < count ? [Number(name)] : [];
      const file = get(`file-${name}`);
      const known = own.get(name);
      if (!file && !known) return [];
      // Another link may contain a different image with the same name.
      const isKnown = known && (!file || [known.file, known.picture].some((one) => urlSafe(one) === file));
      try {
        if (!isKnown) files.push([name, bytesOf(plainBase64(file)), get(`path-${name}`) ?? name]);
        return [name];
      } catch { return []; }
    }).slice(0, 64);
  }
  return files;
}

/** The chosen images; before the user chooses any, the first test images. */
export const chosen = () => state.chosen ?? [0, 1, 2, 3].slice(0, state.view === 'grid' ? 4 : 2)
  .filter((number) => number < info.labels.length);

/** The numbers of the visible models. */
export const shown = () => (state.compare >= 0 ? [state.model, state.compare] : [state.model]);

/** An image as a source in requests. */
export function source(name, withPicture = false) {
  if (typeof name === 'number') return name;
  const { latents, picture } = own.get(name);
  return withPicture ? { latents, picture } : { latents };
}

export const sources = (names, withPictures) => names.map((name) => source(name, withPictures));

export const nameOf = (name) => (typeof name === 'number'
  ? `test image ${name}${info.class_names.length > 1 ? ` (class ${info.class_names[info.labels[name]]})` : ''}` : name);

export const modelName = (number) => {
  const { model, step, dataset } = info.models[number];
  return `${number + 1}. ${model}, ${dataset}, step ${step}`;
};
