// The walk from image to image.

import { fail, h } from './dom.js';
import { drawImage, imageCanvas } from './images.js';
import { asker, choice, hint, numberField, panes, pixels } from './panes.js';
import { arrow } from './pointer.js';
import { chosen, info, sources, state } from './state.js';

export function walk(root, changed) {
  const names = chosen();
  if (names.length < 2) {
    root.append(hint('Choose two or more images: the walk goes from one to the next.'));
    if (names.length) root.append(imageCanvas(names[0], { class: 'end' }));
    return {};
  }
  const rows = names.length - 1;
  state.at = Math.min(state.at, rows);
  const mostSteps = Math.min(64, Math.floor(info.most_images / rows));
  state.steps = Math.min(state.steps, mostSteps);
  const scene = (whole, at) => ({ kind: 'walk', sources: sources(names, whole), curve: state.curve, steps: state.steps,
    at });
  const [element, parts] = panes((pane) => {
    const part = { from: imageCanvas(names[0], { class: 'end' }), to: imageCanvas(names[1], { class: 'end' }),
      point: pixels({ class: 'large', 'aria-label': 'the image at this point of the walk' }),
      sheet: pixels({ 'aria-label': 'the images along the walk', width: state.steps * info.width, height: rows * info.height }), mark: h('div', { class: 'mark' }) };
    part.frames = h('div', { class: 'frames', onclick: (event) => jump(event, part) }, part.sheet, part.mark);
    part.row = h('div', { class: 'row' }, h('div', {}, ...names.slice(0, -1).map((name) => imageCanvas(name))), part.frames,
      h('div', {}, ...names.slice(1).map((name) => imageCanvas(name))));
    pane.append(h('div', { class: 'stage' }, part.from, part.point, part.to), part.row);
    return part;
  });
  const slider = h('input', { type: 'range', id: 'at', min: 0, max: rows, step: 0.0005, value: state.at,
    'aria-label': 'position along the walk', oninput: () => move(Number(slider.value)), onkeydown: (event) => {
      const [right, down] = arrow(event);
      if (right || down) jumpTo(state.at + (right - down) / 16);
    } });
  const askPoint = asker(parts.map(({ point }) => point), 'at');
  const askRows = asker(parts.map(({ sheet }) => sheet), 'shown');

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
    askPoint(scene(false, at), at);
    changed();
  }

  function jump({ clientX, clientY }, { sheet }) {
    const box = sheet.getBoundingClientRect();
    const column = Math.min(state.steps - 1, Math.floor((clientX - box.left) / box.width * state.steps));
    const row = Math.min(rows - 1, Math.floor((clientY - box.top) / box.height * rows));
    jumpTo(row + column / (state.steps - 1));
  }

  function jumpTo(at) {
    slider.value = at; // the slider keeps it in the range
    move(Number(slider.value));
  }

  const again = () => { askRows(scene(), `${state.curve} ${state.steps}`); move(state.at); };
  root.append(h('div', { class: 'controls' },
    choice('Path', 'curve', [['lerp', 'straight (lerp)'], ['slerp', 'great circle (slerp)']], again),
    numberField('Steps', 'steps', 2, mostSteps, again)), slider, element);
  again();
  return { scene, animated: true, images: () => names.slice(1).flatMap((name, k) => [names[k], name]),
    options: () => [`--mode=${state.curve}`, `--steps=${state.steps}`] };
}
