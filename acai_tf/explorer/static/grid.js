// The grid between four images.

import { h } from './dom.js';
import { asker, hint, numberField, panes, pixels } from './panes.js';
import { arrow, clamp, followPointer } from './pointer.js';
import { chosen, sources, state } from './state.js';

export function grid(root, changed) {
  const names = chosen().slice(0, 4);
  if (names.length < 4) {
    root.append(hint(`Choose four images for the corners. ${names.length} ${names.length === 1 ? 'is' : 'are'} chosen.`));
    return {};
  }
  const scene = (whole, at) => ({ kind: 'grid', sources: sources(names, whole), steps: state.size, at });
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
  // The center of a cell is the point of its image.
  const unit = (part) => clamp((part * state.size - 0.5) / (state.size - 1), 0, 1);
  const askPoint = asker(parts.map(({ point }) => point), 'at');
  const askSheet = asker(parts.map(({ sheet }) => sheet), 'shown');

  function move(x, y) {
    Object.assign(state, { x, y });
    for (const { cross, pad } of parts) {
      const place = (value) => `${100 * (value * (state.size - 1) + 0.5) / state.size}%`;
      Object.assign(cross.style, { left: place(x), top: place(y) });
      pad.setAttribute('aria-valuetext', `${x.toFixed(2)} across, ${y.toFixed(2)} down`);
    }
    askPoint(scene(false, [x, y]), `${x},${y}`);
    changed();
  }

  const again = () => { askSheet(scene(), state.size); move(state.x, state.y); };
  root.append(h('div', { class: 'controls' }, numberField('Images per side', 'size', 2, 16, again)),
    hint('The corners are the first four images: top left, top right, bottom left, bottom right.'), element);
  again();
  return { scene, images: () => names, options: () => ['--mode=bilinear', `--steps=${state.size}`] };
}
