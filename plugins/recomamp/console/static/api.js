// Requests to the console's own routes, relative to Airflow's base URL. The session's cookie signs
// them; no script reads it.

import { useCallback, useEffect, useState } from "./host.js";

export const address = (path) => new URL(`recomamp/api/${path}`, document.baseURI);

class RequestFailed extends Error {
  constructor(status, detail, column) {
    super(detail);
    this.status = status;
    this.column = column; // the column of a row that the database refuses
  }
}

async function answerOf(response) {
  if (response.ok) return response.status === 204 ? null : response.json();
  if (response.status === 401) {
    throw new RequestFailed(401, "You are signed out of Airflow. Reload the page to sign in.");
  }
  const body = await response.json().catch(() => ({}));
  const detail = typeof body.detail === "string" ? body.detail : JSON.stringify(body.detail);
  throw new RequestFailed(response.status, detail || `Airflow answered ${response.status}`, body.column);
}

async function ask(path, options) {
  let response;
  try {
    response = await fetch(address(path), { ...options, headers: { Accept: "application/json", ...options.headers } });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new RequestFailed(0, "Airflow's API server does not answer.");
  }
  return answerOf(response);
}

// Call `read` now, and again after as many seconds as it returns (0: no more), while the page is in
// sight. A page that comes into sight reads at once. Returns a function that ends it.
export function repeat(read) {
  let timer = null;
  let isReading = false;
  let isOver = false;
  async function next() {
    clearTimeout(timer);
    isReading = true;
    const seconds = await read();
    isReading = false;
    if (!seconds) end();
    else if (!isOver && !document.hidden) timer = setTimeout(next, seconds * 1000);
  }
  function follow() {
    if (document.hidden) clearTimeout(timer);
    else if (!isReading) next();
  }
  function end() {
    isOver = true;
    clearTimeout(timer);
    document.removeEventListener("visibilitychange", follow);
  }
  document.addEventListener("visibilitychange", follow);
  next();
  return end;
}

// Read a path again and again; null reads nothing. `every` is a number of seconds (0: once), or a
// function that returns it from the latest data, which are null before the first answer.
export function useData(path, { every = 15 } = {}) {
  const [state, setState] = useState({ data: null, error: null, path: null });
  const [version, setVersion] = useState(0);
  const reload = useCallback(() => setVersion((before) => before + 1), []);

  useEffect(() => {
    if (path === null) return undefined;
    const control = new AbortController();
    const secondsAfter = (data) => (typeof every === "function" ? every(data) : every);
    let latest = null;
    async function read() {
      try {
        latest = await ask(path, { signal: control.signal });
        setState({ data: latest, error: null, path });
        return secondsAfter(latest);
      } catch (error) {
        if (control.signal.aborted) return 0;
        // What was read stays in sight; a row that is gone does not come back
        const seconds = [401, 404].includes(error.status) ? 0 : secondsAfter(latest);
        setState((before) => ({ data: before.path === path ? before.data : null, error, path, isRepeated: seconds > 0 }));
        return seconds;
      }
    }
    const end = repeat(read);
    return () => {
      control.abort();
      end();
    };
  }, [path, version]);

  const { data, error, isRepeated } = state.path === path ? state : { data: null, error: null };
  return { data, error, isRepeated, loading: !data && !error, reload };
}

export const send = (method, path, body) =>
  ask(path, {
    method,
    body: JSON.stringify(body),
    headers: { "Content-Type": "application/json" },
  });

// Send a change, then call `done`. What is refused stays in sight as `error`.
export function useSend(done) {
  const [state, setState] = useState({ busy: false, error: null });
  const run = async (method, path, body) => {
    setState({ busy: true, error: null });
    try {
      await send(method, path, body);
      setState({ busy: false, error: null });
      done();
    } catch (error) {
      setState({ busy: false, error });
    }
  };
  return { ...state, run };
}
