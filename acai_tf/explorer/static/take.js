// Downloads of a view, its link, and the command that draws the same picture.

import { byId, fail, save, status } from './dom.js';
import { post } from './server.js';
import { address, info, own, shown, state } from './state.js';

const quoted = (text) => (/^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`);

/** An image in the list of --images. Adds ./ to file names that could be misread, and quotes commas. */
function asListed(name) {
  if (typeof name === 'number') return `test:${name}`;
  const path = own.get(name).path.replace(/^(?=~|test:)/, './');
  return /[",]/.test(path) ? `"${path.replaceAll('"', '""')}"` : path;
}

/** The acai_interpolate command that draws the same picture, or '' if there is none. */
function command(view) {
  if (!view.options) return '';
  const images = view.images ? [`--images=${view.images().map(asListed).join(',')}`] : [];
  return [...info.command, ...shown().map((model) => `--saved_model=${info.models[model].path}`), ...view.options(), ...images,
    `--output=${view.animated ? 'walk' : state.view}.png`].map(quoted).join(' ');
}

async function copy(text, what) {
  try {
    await navigator.clipboard.writeText(text);
    status(`${what} copied`);
  } catch { // no permission, or not a secure context
    byId('command').value = text;
    byId('command').select();
    status(`the ${what} is selected in the field below`);
  }
}

export function setUpTake(view) {
  let older = new AbortController();
  const take = (path, ending, whole) => async () => {
    older.abort();
    older = new AbortController();
    const { signal } = older;
    const scene = view().scene?.(whole);
    try {
      if (ending === 'png' && view().png) {
        save(await view().png(), `${state.view}.png`);
        return;
      }
      status('drawing …');
      const response = await post(path, shown(), scene, signal);
      save(await response.blob(), `${state.view}.${ending}`);
      status('');
    } catch (error) {
      fail(error);
    }
  };
  byId('take-png').addEventListener('click', take('api/figure', 'png', true));
  byId('take-gif').addEventListener('click', take('api/animation', 'gif', false));
  byId('take-json').addEventListener('click', take('api/latents', 'json', false));
  byId('take-link').addEventListener('click', () => copy(location.href.split('#')[0] + `#${address()}`, 'link'));
  byId('take-command').addEventListener('click', () => copy(command(view()), 'command'));
}

export function showTake(view) {
  const scene = view.scene?.();
  byId('take-png').disabled = !scene && !view.png;
  byId('take-gif').disabled = !view.animated;
  byId('take-json').disabled = !scene;
  byId('take-command').disabled = !view.options;
  byId('take-gif').title = view.animated ? 'forward and back, endlessly' : 'only walks are animated';
  byId('command').value = command(view) || 'acai_interpolate cannot draw this';
}
