// The latest executions of all visible definitions, in pages.

import { useData } from "./api.js";
import { Chakra, html, useId, useSearchParams } from "./host.js";
import { duration, time, useZone, windowText } from "./time.js";
import { count, DataTable, Loaded, Panel, ROOT, RouteLink, State } from "./widgets.js";

const { Flex, NativeSelect } = Chakra;

const STATES = ["PENDING", "RUNNING", "SUCCESS", "FAILED", "CANCELLED", "TIMEOUT"];

// A select with a visible label
export function Choice({ label, value, options, onChange }) {
  const id = useId();
  return html`<${Flex} align="center" gap="2" fontSize="sm">
    <label htmlFor=${id}>${label}</label>
    <${NativeSelect.Root} size="sm" width="auto">
      <${NativeSelect.Field} id=${id} value=${value} onChange=${(event) => onChange(event.target.value)}>
        ${options.map(([one, title]) => html`<option key=${one} value=${one}>${title}</option>`)}
      <//>
      <${NativeSelect.Indicator} />
    <//>
  <//>`;
}

const windowOf = (row) =>
  row.window_type === "EXPLICIT"
    ? windowText(row.window_start, row.window_end, row.window_time_zone ?? "UTC")
    : row.window_type;

const columns = (zone) => [
  { title: "Created", cell: (row) => html`<${RouteLink} to="${ROOT}/executions/${row.id}" whiteSpace="nowrap">${time(row.created_at, zone)}<//>` },
  { title: "State", cell: (row) => html`<${State} of=${row.status} />` },
  { title: "Schedule or collection", cell: (row) => html`<${RouteLink} to="/dags/${row.dag_id}">${row.name ?? row.dag_id}<//>` },
  { title: "Instance", cell: (row) => row.instance ?? "–" },
  { title: "Window", cell: (row) => windowOf(row) },
  { title: "Attempt", numeric: true, cell: (row) => row.attempt },
  { title: "At AMC", numeric: true, cell: (row) => duration(row.execution_duration) },
  { title: "Rows", numeric: true, cell: (row) => count(row.result_rows) },
  { title: "Error", cell: (row) => (row.error_type ? html`<span title=${row.error_message}>${row.error_type}</span>` : "") },
];

export function Executions() {
  const zone = useZone();
  const [search, setSearch] = useSearchParams();
  const request = useData(`executions?${search}`);
  const state = search.get("state") ?? "";
  const choose = (chosen) =>
    setSearch((before) => {
      const kept = new URLSearchParams(before);
      for (const name of ["before_at", "before_id", "state"]) kept.delete(name);
      if (chosen) kept.set("state", chosen);
      return kept;
    });
  const older = (last) => {
    const next = new URLSearchParams(search);
    next.set("before_at", last.created_at);
    next.set("before_id", last.id);
    return { search: `?${next}` };
  };
  const newest = new URLSearchParams(search);
  newest.delete("before_at");
  newest.delete("before_id");
  return html`<${Panel} title="Executions" actions=${html`<${Choice} label="State" value=${state} onChange=${choose}
      options=${[["", "all"], ...STATES.map((one) => [one, one])]} />`}>
    <${Loaded} request=${request}>${({ executions, has_more }) => html`
      <${DataTable} label="Executions" rows=${executions} keyOf=${(row) => row.id} columns=${columns(zone)}
        empty="No execution is here. Choose another state, or wait for the first run." />
      <${Flex} gap="4" mt="3">
        ${search.has("before_id") && html`<${RouteLink} to=${{ search: `?${newest}` }}>Newest<//>`}
        ${has_more && html`<${RouteLink} to=${older(executions.at(-1))}>Older<//>`}
      <//>`}<//>
  <//>`;
}
