// Requests to the console's own routes, relative to Airflow's base URL. The session's cookie signs
// them; no script reads it.

import { useCallback, useEffect, useRef, useState } from "./host.js";

export const address = (path) => new URL(`recomamp/api/${path}`, document.baseURI);

export class RequestFailed extends Error {
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
    throw new RequestFailed(0, "Airflow's API server does not answer. The page tries again.");
  }
  return answerOf(response);
}

// Read a path again and again while the tab is visible. `path` null reads nothing.
export function useData(path, { every = 15 } = {}) {
  const [state, setState] = useState({ data: null, error: null, path: null });
  const [version, setVersion] = useState(0);
  const reload = useCallback(() => setVersion((before) => before + 1), []);
  const timer = useRef(null);

  useEffect(() => {
    if (path === null) return undefined;
    const control = new AbortController();
    const later = () => {
      if (every) timer.current = setTimeout(read, every * 1000);
    };
    async function read() {
      if (document.hidden) return later();
      try {
        const data = await ask(path, { signal: control.signal });
        setState({ data, error: null, path });
      } catch (error) {
        if (control.signal.aborted) return undefined;
        // What was read stays in sight; a row that is gone does not come back
        setState((before) => ({ data: before.path === path ? before.data : null, error, path }));
        if (error.status === 401 || error.status === 404) return undefined;
      }
      return later();
    }
    read();
    return () => {
      control.abort();
      clearTimeout(timer.current);
    };
  }, [path, every, version]);

  const current = state.path === path ? state : { data: null, error: null };
  return { data: current.data, error: current.error, loading: !current.data && !current.error, reload };
}

export const send = (method, path, body) =>
  ask(path, {
    method,
    body: JSON.stringify(body),
    headers: { "Content-Type": "application/json" },
  });
