/** The page of tasks that an address names, and how it is read. */

import { get } from "./api.js";
import { chosenColumns } from "./columns.js";
import { apiFilters } from "./filters.js";
import { may } from "./session.js";

export const SIZES = [25, 50, 100, 500];
const DEFAULT_SIZE = 50;
const MAX_PAGE_SIZE = 100;
export const NEWEST = "-submitted_at";

/**
 * Return what the address says about the list, or the defaults.
 * @param {URLSearchParams} query
 */
export function settings(query) {
  const rows = Number(query.get("rows")) || DEFAULT_SIZE;
  return {
    rows: SIZES.includes(rows) ? rows : DEFAULT_SIZE,
    page: Math.max(1, Number.parseInt(query.get("page") ?? "1", 10) || 1),
    sort: query.get("sort") ?? NEWEST,
    columns: chosenColumns(query),
  };
}

/**
 * Read the types and queues that a filter may name. A reader of some tasks sees no statistics.
 * @param {AbortSignal} signal
 * @returns {Promise<[string[], string[]]>}
 */
export async function readChoices(signal) {
  if (may("observe")) {
    const stats = await get("stats", signal);
    return [Object.keys(stats.by_type), Object.keys(stats.by_queue)];
  }
  const { types } = await get("types", signal);
  return [types.map((/** @type {any} */ { type }) => type), []];
}

/**
 * Read the tasks of one page of the list, with several calls if it is larger than one of the API.
 * @param {URLSearchParams} query
 * @param {AbortSignal} signal
 */
export async function read(query, signal) {
  const { rows, page, sort } = settings(query);
  const size = Math.min(rows, MAX_PAGE_SIZE);
  const asked = apiFilters(query);
  asked.set("sort", sort);
  asked.set("page_size", String(size));
  asked.set("page", String((page - 1) * (rows / size) + 1));
  let { tasks, pagination } = await get(`tasks?${asked}`, signal);
  const total = pagination.total_tasks;
  asked.delete("page");
  while (tasks.length < rows && pagination.next_cursor) {
    asked.set("cursor", pagination.next_cursor);
    const next = await get(`tasks?${asked}`, signal);
    if (!next.tasks.length && next.pagination.next_cursor === pagination.next_cursor) break;
    tasks = [...tasks, ...next.tasks];
    pagination = next.pagination;
  }
  return { tasks, total, hasNext: pagination.next_cursor !== undefined };
}
