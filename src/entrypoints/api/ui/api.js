/** Calls of the HTTP API, as any client makes them. */

import { link } from "./link.js";

/** The URL of the service. This file is at ui/<version>/api.js below it, also behind a prefix. */
export const ROOT = new URL("../../", import.meta.url);
const TIMEOUT_MS = 30_000;

/**
 * @typedef {{pointer?: string, parameter?: string, message: string}} FieldError
 * @typedef {{status: number, text: string, data: any, headers: Headers}} Answer
 */

/** A response of 400 or more, or no response at all (status 0). */
export class Problem extends Error {
  /**
   * @param {number} status
   * @param {{title?: string, detail?: string, code?: string, errors?: FieldError[]}} body
   */
  constructor(status, body) {
    super(body.detail ?? body.title ?? `The service responded with ${status}.`);
    this.status = status;
    this.code = body.code ?? "";
    /** @type {FieldError[]} */
    this.errors = body.errors ?? [];
  }

  /** The message with every error of a field. */
  get sentences() {
    const fields = this.errors.map((error) =>
      `${error.pointer ?? error.parameter ?? ""} ${error.message}`.trim()
    );
    return fields.length ? fields : [this.message];
  }
}

/** Emits "reached" and "unreached" with each call. */
export const reach = new EventTarget();

/**
 * Call the API. Raises Problem.
 * @param {string} method
 * @param {string} path without a leading slash
 * @param {{body?: string, headers?: Record<string, string>, signal?: AbortSignal}} [options]
 * @returns {Promise<Answer>}
 */
export async function call(method, path, { body, headers, signal } = {}) {
  const limit = AbortSignal.timeout(TIMEOUT_MS);
  const given = body === undefined ? headers : { "Content-Type": "application/json", ...headers };
  let response, text;
  try {
    response = await fetch(urlOf(path), {
      method,
      ...body !== undefined && { body },
      headers: given,
      signal: signal ? AbortSignal.any([signal, limit]) : limit,
    });
    text = await response.text();
  } catch (error) {
    if (signal?.aborted) throw error;
    reach.dispatchEvent(new Event("unreached"));
    throw new Problem(0, { detail: "The service does not respond. Check that it runs." });
  }
  reach.dispatchEvent(new Event("reached"));
  const data = parsed(text);
  if (response.status >= 400) throw new Problem(response.status, data ?? {});
  return { status: response.status, text, data, headers: response.headers };
}

/**
 * Return the URL of a path, with the link by which the reader came.
 * @param {string} path
 * @returns {URL}
 */
function urlOf(path) {
  const url = new URL(path, ROOT);
  if (link) url.searchParams.set("link", link);
  return url;
}

/**
 * @param {string} text
 * @returns {any}
 */
function parsed(text) {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/**
 * Return the data of a GET.
 * @param {string} path
 * @param {AbortSignal} [signal]
 * @returns {Promise<any>}
 */
export async function get(path, signal) {
  return (await call("GET", path, { signal })).data;
}

/**
 * Send a value as JSON.
 * @param {string} path
 * @param {unknown} [value]
 * @returns {Promise<Answer>}
 */
export function post(path, value) {
  return call("POST", path, value === undefined ? {} : { body: JSON.stringify(value) });
}

/**
 * @param {string} id
 * @returns {string}
 */
export function taskPath(id) {
  return `tasks/${encodeURIComponent(id)}`;
}

/**
 * Return the ETag of a response, without the mark of a compressed one.
 * @param {Answer | undefined} answer
 * @returns {string}
 */
export function tagOf(answer) {
  return (answer?.headers.get("ETag") ?? "").replace('-gzip"', '"');
}

/** Return a random Idempotency-Key. `crypto.randomUUID` does not exist on plain HTTP. */
export function newKey() {
  return [...crypto.getRandomValues(new Uint8Array(16))]
    .map((byte) => byte.toString(16).padStart(2, "0")).join("");
}

/**
 * Return a call as a curl command for a POSIX shell.
 * @param {string} method
 * @param {string} path
 * @param {string} [body]
 * @returns {string}
 */
export function curl(method, path, body) {
  const quoted = (/** @type {string} */ text) => `'${text.replaceAll("'", `'\\''`)}'`;
  const parts = ["curl -s"];
  if (method !== "GET") parts.push(`-X ${method}`);
  parts.push(quoted(urlOf(path).href));
  if (body !== undefined) {
    parts.push("-H 'Content-Type: application/json'", `-d ${quoted(body)}`);
  }
  return parts.join(" ");
}
