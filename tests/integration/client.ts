// Uses the service as a program in TypeScript does whose types openapi-typescript wrote into api.d.ts.
import createClient from "openapi-fetch";
import type { components, paths } from "./api.d.ts";

type NewTask = components["schemas"]["TaskBody"];

const client = createClient<paths>({ baseUrl: process.argv[2] });

function must<T>(answer: { data?: T; error?: unknown }): T {
  if (answer.data === undefined) throw new Error(JSON.stringify(answer.error));
  return answer.data;
}

function check(holds: boolean, what: string): void {
  if (!holds) throw new Error(what);
}

const labels = { team: "a:b, c" };
const body: NewTask = { task_name: "one", duration: 1, labels };
const header = { "Idempotency-Key": "one" };
const id: string = must(await client.POST("/tasks", { body, params: { header } })).task_id;
const again = must(await client.POST("/tasks", { body, params: { header } }));
check(again.task_id === id, "repeated");

const tasks: NewTask[] = [
  { task_name: "two", type: "http", payload: { url: "https://example.com/" }, labels, queue: "other" },
  { task_name: "three", duration: 1 },
];
check(must(await client.POST("/tasks/batch", { body: { tasks } })).tasks.length === 2, "batch");

type Filters = NonNullable<paths["/tasks"]["get"]["parameters"]["query"]>;
const query: Filters = { label: ["team:a:b, c"], status: ["QUEUED", "FAILED"], queue: "default" };
const page = must(await client.GET("/tasks", { params: { query } }));
check(page.tasks.map(task => task.task_id).join() === id, "listed");

const done = must(await client.POST("/tasks/actions", { body: { action: "cancel", filter: { labels } } }));
check(done.matched === 2 && done.done === 2, "cancelled");
const path = { task_id: id };
const final = must(await client.GET("/tasks/{task_id}", { params: { path, query: { wait: 10 } } }));
check(final.status === "CANCELLED" && final.error?.code === "cancelled", "waited");

const { error } = await client.POST("/tasks", { body: { task_name: "", duration: 0 } });
check(error?.code === "invalid_request" && error.errors?.length === 2, "errors");

// @ts-expect-error: the type sleep needs a duration
export const withoutDuration: NewTask = { task_name: "x" };
// @ts-expect-error: an action is on ids or on what a filter matches
export const onNothing: components["schemas"]["ActionBody"] = { action: "cancel" };
