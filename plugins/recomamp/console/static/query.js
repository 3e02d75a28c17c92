// The state of a page in the query string, so that an address shows the same page again.

import { useSearchParams } from "./host.js";

// A copy of a query string with other values; an empty one is left out
function withChanges(search, changes) {
  const next = new URLSearchParams(search);
  for (const [name, value] of Object.entries(changes)) {
    if (value === "") next.delete(name);
    else next.set(name, value);
  }
  return next;
}

// From 1 to 999; an address may hold anything
export const pageNumber = (text) => (/^[1-9]\d{0,2}$/.test(text) ? Number(text) : 1);

export function useQuery() {
  const [search, setSearch] = useSearchParams();
  return {
    get: (name, usual = "") => search.get(name) ?? usual,
    set: (changes, options = { replace: true }) => setSearch((before) => withChanges(before, changes), options),
    to: (changes) => ({ search: `?${withChanges(search, changes)}` }),
  };
}
