// Small helpers for elements.

/** Makes an element: h('p', {class: 'hint', onclick}, 'text', child). */
export function h(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [key, value] of Object.entries(attributes)) {
    if (key.startsWith('on')) element.addEventListener(key.slice(2), value);
    else if (key.startsWith('aria-')) element.setAttribute(key, value);
    else if (value === true) element.setAttribute(key, '');
    else if (value !== false) element.setAttribute(key, value);
  }
  element.append(...children);
  return element;
}

/** Draws all or part of a bitmap, pixel for pixel, on a canvas, which gets its size. */
export function draw(canvas, pixels, x = 0, y = 0, width = pixels.width, height = pixels.height) {
  if (canvas.width !== width) canvas.width = width;
  if (canvas.height !== height) canvas.height = height;
  canvas.getContext('2d').drawImage(pixels, x, y, width, height, 0, 0, width, height);
}

export const byId = (id) => document.getElementById(id);

export function status(text, isError = false) {
  byId('status').textContent = text;
  byId('status').classList.toggle('error', isError);
}

/** Shows an error, unless a request was aborted. */
export const fail = (error) => { if (error.name !== 'AbortError') status(error.message, true); };

/** Shows the error of a request, unless its element is gone. */
export const failIn = (element) => (error) => { if (element.isConnected) fail(error); };

export function save(blob, name) {
  const link = h('a', { href: URL.createObjectURL(blob), download: name });
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60000);
}
