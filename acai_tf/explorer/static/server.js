// Requests to the server that served this page.

import { byId, fail, status } from './dom.js';

let view = new AbortController();

/** Ends the waits for answers to the view that the user leaves. */
export function leaveView() {
  view.abort();
  view = new AbortController();
}

/** The AbortSignal of the current view. */
export const viewLeft = () => view.signal;

const waits = new Map();

/** Records what a request waits for (null: nothing any more), and shows what all requests wait for. */
function setWait(request, what) {
  if (what) waits.set(request, what);
  else waits.delete(request);
  const text = [...new Set(waits.values())].map((one) => `${one} …`).join(' ');
  if (byId('progress').textContent !== text) byId('progress').textContent = text;
}

const pause = (milliseconds, signal) => new Promise((resolve, reject) => {
  signal.throwIfAborted();
  const timer = setTimeout(() => { signal.removeEventListener('abort', drop); resolve(); }, milliseconds);
  function drop() { clearTimeout(timer); reject(signal.reason); }
  signal.addEventListener('abort', drop);
});

/** Returns the answer to a request. Repeats the request while the answer is being computed, unless the signal aborts. */
async function send(path, options = {}, signal = view.signal) {
  const request = {};
  try {
    for (;;) {
      const response = await fetch(path, options).catch(() => {
        throw new Error('the server does not answer; is acai_explore still running?');
      });
      if (!response.ok) {
        const answer = await response.json().catch(() => null); // not JSON
        throw new Error(answer?.error ?? `${response.status} ${response.statusText}`);
      }
      if (response.status !== 202) return response;
      setWait(request, (await response.json()).waiting);
      await pause(400, signal);
    }
  } finally {
    setWait(request, null);
  }
}

export const getJSON = async (path, signal) => (await send(path, {}, signal)).json();

export const post = (path, models, scene, signal) => send(path, {
  method: 'POST', headers: { 'Content-Type': 'application/json' }, body: JSON.stringify({ models, scene }) }, signal);

/** Decodes a PNG to exactly the pixels in the file. */
export const bitmap = async (response) => createImageBitmap(await response.blob(), {
  colorSpaceConversion: 'none', premultiplyAlpha: 'none' });

export const picture = async (model, scene, signal) => bitmap(await post('api/picture', [model], scene, signal));

export const sheet = async (number) => bitmap(await send(`api/sheet?number=${number}`));

export const encode = async (file) => (await send('api/encode', {
  method: 'POST', headers: { 'Content-Type': 'application/octet-stream' }, body: file })).json();

/**
 * Returns a function that passes its arguments to `ask(signal, ...what)`, one request at a time. During a request, only the
 * newest call is kept, so a slider's events never queue; it also ends the older request's wait for a computation. After the
 * user leaves the view, nothing is shown.
 */
export function newest(ask, show) {
  const left = view.signal;
  let next = null, busy = false, failed = false, older = new AbortController();
  return async (...wanted) => {
    next = wanted;
    older.abort();
    if (busy) return;
    busy = true;
    while (next && !left.aborted) {
      const now = next;
      next = null;
      older = new AbortController();
      try {
        const answer = await ask(AbortSignal.any([left, older.signal]), ...now);
        if (left.aborted) return;
        if (failed) status('');
        failed = false;
        show(answer, ...now);
      } catch (error) {
        older.abort(); // the other models' requests
        if (left.aborted) return;
        failed ||= error.name !== 'AbortError';
        fail(error);
      }
    }
    busy = false;
  };
}
