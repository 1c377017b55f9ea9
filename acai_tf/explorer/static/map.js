// The map of the test images.

import { draw, fail, h } from './dom.js';
import { drawImage, toggle } from './images.js';
import { choice, panes, pixels } from './panes.js';
import { arrow, clamp } from './pointer.js';
import { getJSON, newest, picture, post, viewLeft } from './server.js';
import { chosen, info, modelName, nameOf, sources, state } from './state.js';

const TEN = ['#1f77b4', '#ff7f0e', '#2ca02c', '#d62728', '#9467bd', '#8c564b', '#e377c2', '#7f7f7f', '#bcbd22', '#17becf'];
const NEAR = 8; // CSS pixels: within this distance, the pointer is on a point
const STILL = 4; // CSS pixels that the pointer may move during a click

const colorOf = (label) => (info.class_names.length <= 10 ? TEN[label]
  : `hsl(${Math.round(360 * label / info.class_names.length)} 70% ${label % 2 ? 45 : 58}%)`);

let byLabel = null;

/** Map from a label to the numbers of its test images; cached, because every pointer move repaints the map. */
const membersByLabel = () => (byLabel ??= Map.groupBy(info.labels.keys(), (k) => info.labels[k]));

/** One model's map: a canvas with points, and below it the image under the pointer and the decoded point. */
class Pane {
  constructor(pane, model, changed) {
    Object.assign(this, { model, changed, points: null, track: [], hovered: -1, cursor: null });
    this.canvas = h('canvas', { class: 'map', tabindex: 0, role: 'application', 'aria-label':
      'map of the test images: move with the arrow keys, choose the nearest image or decode the point with Enter' });
    this.under = pixels({ 'aria-label': 'image under the pointer' });
    this.underName = h('figcaption', { role: 'status' }, 'Hover over a point');
    this.decoded = pixels({ class: 'decoded', 'aria-label': 'decoded point' });
    this.decodedName = h('figcaption', {}, 'decoded point');
    this.decodedFigure = h('figure', {}, this.decoded, this.decodedName);
    pane.append(h('div', { class: 'map-and-images' }, this.canvas,
      h('div', { class: 'under' }, h('figure', {}, this.under, this.underName), this.decodedFigure)));
    this.ask = newest((signal, at) => picture(this.model, { kind: 'plane', at }, signal), (image, at) => {
      draw(this.decoded, image);
      this.decoded.dataset.at = at.join(',');
      this.decodedName.textContent = `decoded point (${at.map((one) => one.toFixed(2)).join(', ')})`;
    });
    this.askPoints = newest((signal, projection) => getJSON(`api/map?model=${this.model}&projection=${projection}`, signal),
      ({ points }, projection) => {
        if (projection !== state.projection) return;
        Object.assign(this, { points, track: [] });
        this.fit();
        this.paint();
        this.loadTrack();
        if (projection === 'pca' && state.plane) this.ask(state.plane);
      });
    this.askTrack = newest((signal) => this.path(signal), (track) => {
      this.track = track;
      this.paint();
      this.canvas.dataset.ready = this.points ? state.projection : '';
    });
    this.listen();
    new ResizeObserver(() => this.paint()).observe(this.canvas);
    window.matchMedia('(prefers-color-scheme: dark)').addEventListener('change', () => this.paint(), { signal: viewLeft() });
    this.load();
  }

  load() {
    this.points = null;
    this.decodedFigure.hidden = state.projection !== 'pca';
    this.canvas.dataset.ready = '';
    this.askPoints(state.projection);
  }

  /** Reloads only the path between the chosen images. */
  loadTrack() {
    if (this.points) this.askTrack();
  }

  /** The path between the chosen images: the true path on the map of principal components, else lines between images. */
  async path(signal) {
    const names = chosen();
    if (state.projection === 'pca' && names.length) {
      const scene = { kind: names.length > 1 ? 'walk' : 'images', sources: sources(names), curve: state.curve, steps: 16 };
      return (await (await post('api/track', [this.model], scene, signal)).json()).points;
    }
    if (!this.points) return []; // another map is loading
    const places = names.filter((name) => typeof name === 'number').map((number) => this.points[number]);
    return places.length > 1 ? places.slice(1).map((place, k) => [places[k], place]) : [places];
  }

  fit() {
    const xs = this.points.map(([x]) => x), ys = this.points.map(([, y]) => y);
    this.low = [Math.min(...xs), Math.min(...ys)];
    this.high = [Math.max(...xs), Math.max(...ys)];
  }

  /** Scale and offset: place on the canvas in CSS pixels = offset + scale * point; y grows upward. */
  get frame() {
    const { clientWidth: width, clientHeight: height } = this.canvas;
    const scale = 0.9 * Math.min(width / (this.high[0] - this.low[0] || 1), height / (this.high[1] - this.low[1] || 1));
    return { scale, x: width / 2 - scale * (this.low[0] + this.high[0]) / 2, y: height / 2 + scale * (this.low[1] + this.high[1]) / 2 };
  }

  place([x, y]) {
    const { scale, x: left, y: top } = this.frame;
    return [left + scale * x, top - scale * y];
  }

  pointAt([left, top]) {
    const { scale, x, y } = this.frame;
    return [(left - x) / scale, (y - top) / scale];
  }

  paint() {
    if (!this.points) return;
    const ratio = window.devicePixelRatio || 1, { clientWidth: width, clientHeight: height } = this.canvas;
    Object.assign(this.canvas, { width: Math.round(width * ratio), height: Math.round(height * ratio) });
    const context = this.canvas.getContext('2d');
    context.scale(ratio, ratio);
    const style = getComputedStyle(document.documentElement);
    const { scale, x: left, y: top } = this.frame;
    const radius = this.points.length > 3000 ? 1.6 : 2.6;
    context.globalAlpha = 0.75;
    for (const [label, members] of membersByLabel()) {
      if (state.hidden.includes(label)) continue;
      context.fillStyle = colorOf(label);
      context.beginPath();
      for (const k of members) {
        const [x, y] = this.points[k], px = left + scale * x, py = top - scale * y;
        context.moveTo(px + radius, py);
        context.arc(px, py, radius, 0, 7);
      }
      context.fill();
    }
    context.globalAlpha = 1;
    context.strokeStyle = style.getPropertyValue('--text');
    context.fillStyle = style.getPropertyValue('--panel');
    context.lineWidth = 2;
    const ring = (point, size) => {
      context.beginPath();
      context.arc(...this.place(point), size, 0, 7);
      context.fill();
      context.stroke();
    };
    for (const row of this.track) {
      context.beginPath();
      row.forEach((point) => context.lineTo(...this.place(point)));
      context.stroke();
    }
    if (this.track[0]?.length) {
      this.track.forEach((row) => ring(row[0], 5));
      ring(this.track.at(-1).at(-1), 5);
    }
    context.strokeStyle = style.getPropertyValue('--accent');
    if (this.hovered >= 0) ring(this.points[this.hovered], 6);
    if (state.projection === 'pca' && state.plane) this.cross(context, this.place(state.plane));
    if (this.cursor) this.cross(context, this.cursor);
  }

  cross(context, [x, y]) {
    context.lineWidth = 2.5;
    context.beginPath();
    for (const [dx, dy] of [[1, 0], [0, 1]]) {
      context.moveTo(x - 9 * dx, y - 9 * dy);
      context.lineTo(x + 9 * dx, y + 9 * dy);
    }
    context.stroke();
  }

  /** The nearest visible test image within a distance in CSS pixels, or -1. */
  nearest([px, py], within) {
    const { scale, x: left, y: top } = this.frame;
    let best = -1, least = within ** 2;
    this.points.forEach(([x, y], k) => {
      const distance = (left + scale * x - px) ** 2 + (top - scale * y - py) ** 2;
      if (distance <= least && !state.hidden.includes(info.labels[k])) [best, least] = [k, distance];
    });
    return best;
  }

  hover(place, within = NEAR) {
    const found = this.nearest(place, within);
    if (found >= 0) {
      drawImage(this.under, found).catch(fail);
      this.underName.textContent = nameOf(found);
    }
    this.hovered = found;
    this.paint();
  }

  decode(place) {
    if (state.projection !== 'pca') return;
    state.plane = this.pointAt(place);
    this.ask(state.plane);
    this.paint();
    this.changed();
  }

  listen() {
    const { canvas } = this;
    const at = ({ clientX, clientY }) => {
      const box = canvas.getBoundingClientRect();
      return [clientX - box.left - canvas.clientLeft, clientY - box.top - canvas.clientTop];
    };
    let start = null;
    canvas.addEventListener('pointerdown', (event) => {
      if (!this.points || event.button !== 0) return;
      canvas.setPointerCapture(event.pointerId);
      start = at(event);
      this.cursor = null;
      this.decode(start);
    });
    canvas.addEventListener('pointermove', (event) => {
      if (!this.points) return;
      this.hover(at(event));
      if (start) this.decode(at(event));
    });
    canvas.addEventListener('pointerup', (event) => {
      if (!this.points || !start) return;
      const end = at(event), moved = Math.hypot(end[0] - start[0], end[1] - start[1]);
      start = null;
      const found = this.nearest(end, NEAR);
      if (moved < STILL && found >= 0) toggle(found);
    });
    canvas.addEventListener('pointercancel', () => { start = null; });
    canvas.addEventListener('pointerleave', () => { if (this.points && !start) { this.hovered = -1; this.paint(); } });
    canvas.addEventListener('keydown', (event) => {
      if (!this.points) return;
      const { clientWidth: width, clientHeight: height } = canvas;
      this.cursor ??= [width / 2, height / 2];
      const [dx, dy] = arrow(event);
      if (dx || dy) {
        this.cursor = [clamp(this.cursor[0] + 8 * dx, 0, width), clamp(this.cursor[1] + 8 * dy, 0, height)];
        this.hover(this.cursor, 3 * NEAR);
      } else if (event.key === 'Enter' || event.key === ' ') {
        event.preventDefault();
        const cursor = this.cursor, found = this.nearest(cursor, 3 * NEAR);
        this.decode(cursor);
        if (found >= 0) toggle(found);
      }
    });
    canvas.addEventListener('blur', () => { this.cursor = null; if (this.points) this.paint(); });
  }
}

/** Copies the maps of all models to one canvas, each below its model's name. */
function sideBySide(panes) {
  const ratio = window.devicePixelRatio || 1, gap = 16 * ratio, title = panes.length > 1 ? 24 * ratio : 0;
  const widths = panes.map(({ canvas }) => canvas.width), style = getComputedStyle(document.documentElement);
  const whole = h('canvas', { width: widths.reduce((sum, width) => sum + gap + width),
    height: title + Math.max(...panes.map(({ canvas }) => canvas.height)) });
  const context = whole.getContext('2d');
  context.fillStyle = style.getPropertyValue('--back');
  context.fillRect(0, 0, whole.width, whole.height);
  context.fillStyle = style.getPropertyValue('--text');
  context.font = `${13 * ratio}px system-ui, sans-serif`;
  panes.forEach(({ canvas, model }, k) => {
    const left = widths.slice(0, k).reduce((sum, width) => sum + gap + width, 0);
    if (title) context.fillText(modelName(model), left, 0.7 * title, canvas.width);
    context.drawImage(canvas, left, title);
  });
  return whole;
}

export function map(root, changed) {
  const [element, all] = panes((pane, model) => new Pane(pane, model, changed));
  const labels = [...membersByLabel().keys()].sort((a, b) => a - b);
  const legend = h('div', { class: 'legend', role: 'group', 'aria-label': 'classes: press to hide or show' });
  const hide = (hidden) => {
    state.hidden = hidden;
    for (const button of legend.querySelectorAll('[data-label]')) {
      button.setAttribute('aria-pressed', !hidden.includes(Number(button.dataset.label)));
    }
    all.forEach((pane) => pane.paint());
    changed();
  };
  legend.append(...labels.map((label) => {
    const dot = h('span', { class: 'dot' });
    dot.style.background = colorOf(label);
    return h('button', { 'data-label': label, 'aria-pressed': !state.hidden.includes(label), onclick: () => hide(
      state.hidden.includes(label) ? state.hidden.filter((one) => one !== label) : [...state.hidden, label]) },
    dot, info.class_names[label]);
  }), h('button', { onclick: () => hide([]) }, 'all'), h('button', { onclick: () => hide(labels) }, 'none'));
  root.append(h('div', { class: 'controls' }, choice('Map', 'projection', [['pca', 'two principal components'],
    ['tsne', 't-SNE']], () => { all.forEach((pane) => pane.load()); changed(); })),
  ...(labels.length > 1 ? [legend] : []), element);
  return {
    update: () => all.forEach((pane) => pane.loadTrack()),
    png: () => new Promise((resolve) => sideBySide(all).toBlob(resolve)),
    scene: () => (state.projection === 'pca' && state.plane ? { kind: 'plane', at: state.plane } : null),
    options: () => ['--mode=map', `--projection=${state.projection}`],
  };
}
