// Requests to the server that served this page.

import { byId, status } from './dom.js';

let view = new AbortController();

/** What the page no longer shows is not waited for. */
export function leaveView() {
  view.abort();
  view = new AbortController();
}

/** The AbortSignal of the view that is shown now. */
export const viewLeft = () => view.signal;

const waits = new Map();

/** Keeps what a request waits for, or nothing any more, and says what all of them wait for. */
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

async function refuse(response) {
  let why = `${response.status} ${response.statusText}`;
  try { why = (await response.json()).error ?? why; } catch { /* not JSON */ }
  throw new Error(why);
}

/** The answer to a request; what is still being computed is asked for again until it is there, or the signal aborts. */
async function send(path, options = {}, signal = view.signal) {
  const request = {};
  try {
    for (;;) {
      let response;
      try {
        response = await fetch(path, options);
      } catch {
        throw new Error('the server does not answer; is acai_explore still running?');
      }
      if (!response.ok) await refuse(response);
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

/** A PNG's pixels exactly as they are in the file. */
export const bitmap = async (response) => createImageBitmap(await response.blob(), {
  colorSpaceConversion: 'none', premultiplyAlpha: 'none' });

export const picture = async (model, scene, signal) => bitmap(await post('api/picture', [model], scene, signal));

export const sheet = async (number) => bitmap(await send(`api/sheet?number=${number}`));

export const encode = async (file) => (await send('api/encode', {
  method: 'POST', headers: { 'Content-Type': 'application/octet-stream' }, body: file })).json();

/**
 * A function that asks for what it is called with, `ask(signal, ...what)`, one request at a time. Of the calls while one is
 * under way only the newest counts, so that a slider's events never queue; it ends an older one's wait for what is being
 * computed. Once the view is left, nothing is shown any more.
 */
export function newest(ask, show, fail) {
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
        older.abort(); // of several models' requests, the others
        if (left.aborted) return;
        failed ||= error.name !== 'AbortError';
        fail(error);
      }
    }
    busy = false;
  };
}
