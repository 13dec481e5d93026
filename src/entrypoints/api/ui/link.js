/** The link to one task by which the reader came. It stands in place of a key. */

import { here } from "./router.js";

const { query } = here();

/** The token of the link; empty for a reader with a key, and where nobody needs one. */
export const link = query.get("link") ?? "";

/** What the link says of itself. The service decides. */
export const linkPermissions = query.get("cancel") === "true" ? ["cancel"] : [];
