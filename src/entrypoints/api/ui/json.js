/** The source text of JSON, so that numbers beyond 2^53 stay as they were sent. */

const TOKEN = /"(?:[^"\\]|\\.)*"|[{}[\],:]|[^\s{}[\],:"]+/g;

/**
 * Return the source text of each member of the object that a valid JSON text is.
 * @param {string} text
 * @returns {Map<string, string>}
 */
export function members(text) {
  return new Map(parts(text).map(([key, value]) => [JSON.parse(key), value]));
}

/**
 * Return the source text of each element of the list that a valid JSON text is.
 * @param {string} text
 * @returns {string[]}
 */
export function elements(text) {
  return parts(text).map(([, value]) => value);
}

/**
 * @param {string} text
 * @returns {[string, string][]}
 */
function parts(text) {
  /** @type {[string, string][]} */
  const found = [];
  let depth = 0, key = "", begin = -1, end = 0;
  const take = () => begin >= 0 && found.push([key, text.slice(begin, end)]);
  for (const { 0: token, index } of text.matchAll(TOKEN)) {
    if (depth === 1 && token === ":") {
      key = text.slice(begin, end);
      begin = -1;
    } else if (depth === 1 && (token === "," || token === "}" || token === "]")) {
      take();
      begin = -1;
    } else if (depth >= 1 && begin < 0) {
      begin = index;
    }
    if (token === "{" || token === "[") depth += 1;
    else if (token === "}" || token === "]") depth -= 1;
    end = index + token.length;
  }
  return found;
}

/**
 * Indent a valid JSON text. Every string and number keeps its source text.
 * @param {string} text
 * @returns {string}
 */
export function indented(text) {
  let out = "", depth = 0, previous = "";
  const line = () => `\n${"  ".repeat(depth)}`;
  for (const [token] of text.matchAll(TOKEN)) {
    const opens = previous === "{" || previous === "[";
    if (token === "}" || token === "]") {
      depth -= 1;
      out += opens ? token : line() + token;
    } else {
      if (opens || previous === ",") out += line();
      out += token === ":" ? ": " : token;
      if (token === "{" || token === "[") depth += 1;
    }
    previous = token;
  }
  return out;
}

/**
 * Explain why a text is not JSON; undefined when it is.
 * @param {string} text
 * @returns {string | undefined}
 */
export function jsonError(text) {
  try {
    JSON.parse(text);
  } catch (error) {
    return /** @type {Error} */ (error).message;
  }
}

const PYTHON =
  /** @type {Record<string, string>} */ ({ true: "True", false: "False", null: "None" });

/**
 * Write a valid JSON text as Python.
 * @param {string} text
 * @returns {string}
 */
export function pythonText(text) {
  return text.replaceAll(
    TOKEN,
    (token) => token.startsWith('"') ? JSON.stringify(JSON.parse(token)) : PYTHON[token] ?? token,
  );
}
