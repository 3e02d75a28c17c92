// What the pages of schedules and of collections share: filters, pages, requests and buttons.

import { Chakra, html, Link } from "./host.js";
import { pageNumber, useQuery } from "./query.js";
import { windowText } from "./time.js";
import { Choice, count, Empty, Failure, Pager, ROOT, RouteLink, State, TablePanel, timeIn } from "./widgets.js";

const { Box, Button, Flex, Heading, Input, Text } = Chakra;

export const executionPage = (id) => (id ? `${ROOT}/executions/${id}` : undefined);

// The path of a list's page with the filters of the address, and the form that sets them
export function useFilters(path, states) {
  const { get, set, to } = useQuery();
  const state = states.some(([key]) => key === get("state")) ? get("state") : "all";
  const filters = { search: get("search"), state, page: pageNumber(get("page")) };
  const filter = (changes) => set({ page: "", ...changes }, { replace: false });
  const submit = (event) => {
    event.preventDefault();
    filter({ search: new FormData(event.target).get("search") });
  };
  const form = html`<${Flex} as="form" role="search" gap="4" mb="3" wrap="wrap" align="center" onSubmit=${submit}>
    <${Flex} as="label" align="center" gap="2" fontSize="sm">Name
      <${Input} key=${filters.search} name="search" type="search" size="sm" w="56" maxLength="200" defaultValue=${filters.search} aria-label="Name" />
    <//>
    <${Button} type="submit" size="sm" variant="outline">Search<//>
    <${Choice} label="State" options=${states} value=${state} onChange=${(chosen) => filter({ state: chosen })} />
  <//>`;
  const pager = ({ total, page, pages }) => html`
    <${Pager} before=${page > 1 && to({ page: page - 1 })} after=${page < pages && to({ page: page + 1 })}>Page ${page} of ${Math.max(1, pages)}, ${count(total)} in all<//>`;
  return { path: `${path}?${new URLSearchParams(filters)}`, form, pager };
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

export const Requests = ({ rows, rowZone, zone }) => html`<${TablePanel} title="Recent requests" rows=${rows} keyOf=${(row) => row.id} empty="Nobody has asked for a run in the last 90 days." columns=${[
  { title: "Asked", cell: (row) => timeIn(row.created_at, zone) },
  { title: "Action", cell: (row) => row.action },
  { title: "Days or times", cell: (row) => requested(row, rowZone) },
  { title: "Status", cell: (row) => html`<${State} of=${row.status} />` },
  { title: "Reason", cell: (row) => row.reason ?? "" },
  { title: "Run", cell: (row) => html`<${Run} request=${row} />` },
]} />`;

export const NothingFound = ({ what }) => html`<${Empty}>
  No ${what} whose DAG you may read matches. Change the filters, or <${RouteLink} to="${ROOT}/register/${what}">register one<//>.
<//>`;
