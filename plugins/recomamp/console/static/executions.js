// The latest executions of all visible definitions, in pages.

import { useData } from "./api.js";
import { html } from "./host.js";
import { useQuery } from "./query.js";
import { duration, useZone, windowOf } from "./time.js";
import { Choice, Content, count, DataTable, Pager, Panel, ROOT, RouteLink, State, timeIn } from "./widgets.js";

const STATES = ["PENDING", "RUNNING", "SUCCESS", "FAILED", "CANCELLED", "TIMEOUT"];

const columns = (zone) => [
  { title: "Created", cell: (row) => html`<${RouteLink} to="${ROOT}/executions/${row.id}" whiteSpace="nowrap">${timeIn(row.created_at, zone)}<//>` },
  { title: "State", cell: (row) => html`<${State} of=${row.status} />` },
  { title: "Schedule or collection", cell: (row) => html`<${RouteLink} to="/dags/${row.dag_id}">${row.name ?? row.dag_id}<//>` },
  { title: "Instance", cell: (row) => row.instance ?? "–" },
  { title: "Window", cell: windowOf },
  { title: "Attempt", numeric: true, cell: (row) => row.attempt },
  { title: "At AMC", numeric: true, cell: (row) => duration(row.execution_duration) },
  { title: "Rows", numeric: true, cell: (row) => count(row.result_rows) },
  { title: "Error", cell: (row) => (row.error_type ? html`<span title=${row.error_message}>${row.error_type}</span>` : "") },
];

export function Executions() {
  const zone = useZone();
  const { get, set, to } = useQuery();
  const query = Object.fromEntries(["state", "dag_id", "before_at", "before_id"].map((name) => [name, get(name)]).filter(([, value]) => value));
  const request = useData(`executions?${new URLSearchParams(query)}`);
  return html`<${Panel} title="Executions" actions=${html`<${Choice} label="State" value=${get("state")} options=${[["", "all"], ...STATES]}
      onChange=${(state) => set({ state, before_at: "", before_id: "" }, { replace: false })} />`}>
    <${Content} request=${request}>${({ executions, has_more }) => html`
      <${DataTable} label="Executions" rows=${executions} keyOf=${(row) => row.id} columns=${columns(zone)}
        empty="No execution is here. Choose another state, or wait for the first run." />
      <${Pager} beforeText="Newest" before=${get("before_id") && to({ before_at: "", before_id: "" })}
        afterText="Older" after=${has_more && to({ before_at: executions.at(-1).created_at, before_id: executions.at(-1).id })} />`}<//>
  <//>`;
}
