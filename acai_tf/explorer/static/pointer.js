// Choosing places with a pointer or the arrow keys.

export const clamp = (value, low, high) => Math.min(high, Math.max(low, value));

export function arrow(event) {
  const moved = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[event.key];
  if (!moved || event.ctrlKey || event.altKey || event.metaKey) return [0, 0];
  event.preventDefault();
  return event.shiftKey ? moved.map((one) => 5 * one) : moved;
}

/** While a pointer is down, calls `move` with its place in an element, x and y from 0 to 1. */
export function followPointer(element, move) {
  const at = ({ clientX, clientY }) => {
    const box = element.getBoundingClientRect();
    move((clientX - box.left) / box.width, (clientY - box.top) / box.height);
  };
  element.addEventListener('pointerdown', (event) => {
    if (event.button !== 0) return;
    element.setPointerCapture(event.pointerId);
    element.focus({ preventScroll: true });
    at(event);
  });
  element.addEventListener('pointermove', (event) => { if (element.hasPointerCapture(event.pointerId)) at(event); });
}
