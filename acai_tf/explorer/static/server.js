// Requests to the server that served this page.

import { status } from './dom.js';

async function refuse(response) {
  let why = `${response.status} ${response.statusText}`;
  try { why = (await response.json()).error ?? why; } catch { /* not JSON */ }
  throw new Error(why);
}

/** The answer to a request; what is still being computed is asked for again until it is there. */
async function send(path, options) {
  for (let waited = false; ; waited = true) {
    let response;
    try {
      response = await fetch(path, options);
    } catch {
      throw new Error('the server does not answer; is acai_explore still running?');
    }
    if (!response.ok) await refuse(response);
    if (response.status !== 202) {
      if (waited) status('');
      return response;
    }
    status(`${(await response.json()).waiting} …`);
    await new Promise((resolve) => setTimeout(resolve, 400));
  }
}

export const getJSON = async (path) => (await send(path)).json();

export const post = (path, models, scene) => send(path, {
  method: 'POST', headers: { 'Content-Type': 'application/json' }, body: JSON.stringify({ models, scene }) });

/** A PNG's pixels exactly as they are in the file. */
export const bitmap = async (response) => createImageBitmap(await response.blob(), {
  colorSpaceConversion: 'none', premultiplyAlpha: 'none' });

export const picture = async (model, scene) => bitmap(await post('api/picture', [model], scene));

export const sheet = async (number) => bitmap(await send(`api/sheet?number=${number}`));

export const encode = async (file) => (await send('api/encode', {
  method: 'POST', headers: { 'Content-Type': 'application/octet-stream' }, body: file })).json();

/**
 * A function that asks for what it is called with, one request at a time. Of the calls while one is under way only the
 * newest counts, so that a slider's events never queue.
 */
export function newest(ask, show, fail) {
  let next = null, busy = false, failed = false;
  return async (...wanted) => {
    next = wanted;
    if (busy) return;
    busy = true;
    while (next) {
      const now = next;
      next = null;
      try {
        const answer = await ask(...now);
        if (failed) status('');
        failed = false;
        show(answer, ...now);
      } catch (error) {
        failed = true;
        fail(error);
      }
    }
    busy = false;
  };
}
