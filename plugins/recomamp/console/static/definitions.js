// What the pages of schedules and of collections share: filters, pages, requests and buttons.

import { send } from "./api.js";
import { Chakra, html, Link, useSearchParams, useState } from "./host.js";
import { time, windowText } from "./time.js";
import { count, DataTable, Empty, Failure, Panel, ROOT, RouteLink, State } from "./widgets.js";

const { Box, Button, Flex, Heading, Input, NativeSelect, Text } = Chakra;

export const executionPage = (id) => (id ? `${ROOT}/executions/${id}` : undefined);

// A choice that is part of the address
export function useChoice(name, usual) {
  const [query, setQuery] = useSearchParams();
  const choose = (value) =>
    setQuery((before) => {
      const after = new URLSearchParams(before);
      if (value === usual) after.delete(name);
      else after.set(name, value);
      return after;
    }, { replace: true });
  return [query.get(name) ?? usual, choose];
}

export const Choice = ({ label, options, value, onChange }) => html`
  <${Flex} as="label" align="center" gap="2" fontSize="sm">${label}
    <${NativeSelect.Root} size="sm" w="auto">
      <${NativeSelect.Field} value=${value} onChange=${(event) => onChange(event.target.value)} aria-label=${label}>
        ${options.map(([key, text]) => html`<option key=${key} value=${key}>${text}</option>`)}
      <//>
      <${NativeSelect.Indicator} />
    <//>
  <//>`;

// The path of a list's page with the filters of the address, and the form that sets them
export function useFilters(path, states) {
  const [query, setQuery] = useSearchParams();
  const filters = { search: query.get("search") ?? "", state: query.get("state") ?? "all", page: query.get("page") ?? "1" };
  const set = (changes) => {
    const after = new URLSearchParams(query);
    Object.entries({ page: "1", ...changes }).forEach(([name, value]) => after.set(name, value));
    setQuery(after);
  };
  const submit = (event) => {
    event.preventDefault();
    set({ search: new FormData(event.target).get("search") });
  };
  const form = html`<${Flex} as="form" role="search" gap="4" mb="3" wrap="wrap" align="center" onSubmit=${submit}>
    <${Flex} as="label" align="center" gap="2" fontSize="sm">Name
      <${Input} key=${filters.search} name="search" type="search" size="sm" w="56" maxLength="200" defaultValue=${filters.search} aria-label="Name" />
    <//>
    <${Button} type="submit" size="sm" variant="outline">Search<//>
    <${Choice} label="State" options=${states} value=${filters.state} onChange=${(state) => set({ state })} />
  <//>`;
  const turn = (by) => () => set({ page: String(Number(filters.page) + by) });
  const pager = ({ total, page, pages }) => html`<${Flex} gap="3" align="center" mt="3">
    <${Button} size="sm" variant="outline" disabled=${page <= 1} onClick=${turn(-1)}>Previous page<//>
    <${Text} fontSize="sm">Page ${page} of ${Math.max(1, pages)}, ${count(total)} in all<//>
    <${Button} size="sm" variant="outline" disabled=${page >= pages} onClick=${turn(1)}>Next page<//>
  <//>`;
  return { path: `${path}?${new URLSearchParams(filters)}`, form, pager };
}

// Send a change, then call `done`. What the database refuses stays in sight as `error`.
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

// `change` is what useSend returns
export const Title = ({ row, state, kind, children, change }) => html`
  <${Box} mb="4">
    <${Flex} gap="3" align="center" wrap="wrap">
      <${Heading} as="h2" size="md">${row.name}<//>
      <${State} of=${state} />
      <${Flex} gap="2" wrap="wrap" ms="auto">
        ${children}
        ${row.may_edit && state !== "COMPLETED" && html`<${Button} size="sm" variant="outline" loading=${change.busy}
          onClick=${() => change.run("PUT", `definitions/${row.dag_id}/status`, { status: state === "PAUSED" ? "ACTIVE" : "PAUSED" })}>${state === "PAUSED" ? "Resume" : "Pause"}<//>`}
        ${row.may_edit && html`<${Button} asChild size="sm" variant="outline"><${Link} to="${ROOT}/register/${kind}/${row.id}">Edit<//><//>`}
      <//>
    <//>
    <${Text} color="fg.muted" mt="1">
      ${row.workflow} on ${row.instance}, of ${row.owner}. <${RouteLink} to="/dags/${row.dag_id}">Show its DAG<//>
    <//>
    ${row.description && html`<${Text}>${row.description}<//>`}
    ${row.problem && html`<${Failure} error=${{ message: `This row is invalid. ${row.problem}` }} />`}
    ${change.error && html`<${Failure} error=${change.error} />`}
  <//>`;

const requested = (request, zone) => {
  if (request.from_date) return request.from_date === request.to_date ? request.from_date : `${request.from_date} to ${request.to_date}`;
  return windowText(request.window_start, request.window_end, zone);
};

const Run = ({ request }) =>
  request.dag_run_id && request.dag_id
    ? html`<${RouteLink} to="/dags/${request.dag_id}/runs/${encodeURIComponent(request.dag_run_id)}">Show the run<//>`
    : "–";

export const Requests = ({ rows, rowZone, zone }) => html`<${Panel} title="Recent requests">
  <${DataTable} label="Recent requests" rows=${rows} keyOf=${(row) => row.id} empty="Nobody has asked for a run in the last 90 days."
    columns=${[
      { title: "Asked", cell: (row) => time(row.created_at, zone) },
      { title: "Action", cell: (row) => row.action },
      { title: "Days or times", cell: (row) => requested(row, rowZone) },
      { title: "Status", cell: (row) => html`<${State} of=${row.status} />` },
      { title: "Reason", cell: (row) => row.reason ?? "" },
      { title: "Run", cell: (row) => html`<${Run} request=${row} />` },
    ]} />
<//>`;

export const NothingFound = ({ what }) => html`<${Empty}>
  No ${what} whose DAG you may read matches. Change the filters, or <${RouteLink} to="${ROOT}/register/${what}">register one<//>.
<//>`;
