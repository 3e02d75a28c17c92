// The overview: which instance fails, what runs, what failed and why.

import { useData } from "./api.js";
import { Chart, Legend, Meter } from "./charts.js";
import { Chakra, html } from "./host.js";
import { ago, duration, lastDays, time, useZone } from "./time.js";
import { colourOf, Content, count, Panel, ROOT, RouteLink, State, TablePanel, timeIn } from "./widgets.js";

const { Grid, Text } = Chakra;

const STATES = ["SUCCESS", "FAILED", "SKIPPED"];

const COLOURS = Object.fromEntries(STATES.map((state) => [state, colourOf(state)]));
const LIMIT = 20; // rows of a panel, as its statement has them

// One bar for each day, also for days without runs
const Outcomes = ({ rows, days }) => html`
  <${Chart} kind="bar" label="Runs by day and outcome" xs=${days} series=${STATES} colours=${COLOURS} textOf=${(text) => text.replace(/^\d{4}-/, "")}
    cells=${rows.filter(({ day }) => days.includes(day)).map(({ day, status, runs }) => ({ x: day, series: status, y: runs }))} />
  <${Legend} entries=${Object.entries(COLOURS)} />`;

const Instances = ({ rows, zone }) => html`<${TablePanel}
  title="Instances" rows=${rows} keyOf=${(row) => row.id}
  empty="No instance has a schedule or collection whose DAG you may read."
  columns=${[
    { title: "Instance", cell: (row) => html`<span title=${row.amc_instance_id}>${row.name}</span>` },
    { title: "Owner", cell: (row) => row.owner },
    { title: "Health", cell: (row) => html`<span title=${row.health_error ?? `checked ${time(row.last_health_check, zone)}`}><${State} of=${row.is_active ? row.health_status : "PAUSED"} /></span>` },
    { title: "Slots in use", cell: (row) => html`<${Meter} label="Slots of the ${row.slot_limit_of ?? "instance"} of ${row.name}" value=${row.slots_in_use + row.external_executions} limit=${row.slot_limit} />` },
    { title: "Waiting", numeric: true, cell: (row) => (row.waiting ? `${count(row.waiting)} since ${time(row.waiting_since, zone)}` : "0") },
    { title: "AMC time today", numeric: true, cell: (row) => duration(row.amc_seconds_today) },
    { title: "Problem", cell: (row) => row.health_error ?? "" },
  ]} />`;

const Failures = ({ rows, zone }) => html`<${TablePanel}
  title="What failed and why" label="Failures by error" rows=${rows} limit=${LIMIT} keyOf=${(row) => `${row.error_type} ${row.instance_id}`}
  empty="No run has failed in these days."
  columns=${[
    { title: "Error", cell: (row) => row.error_type },
    { title: "Instance", cell: (row) => `${row.instance} of ${row.owner}` },
    { title: "Runs", numeric: true, cell: (row) => count(row.failures) },
    { title: "Latest", cell: (row) => timeIn(row.latest_at, zone) },
    { title: "Message of the latest", cell: (row) => row.message },
    { title: "Where", cell: (row) => (row.execution_id ? html`<${RouteLink} to="${ROOT}/executions/${row.execution_id}">${row.name}<//>` : html`<${RouteLink} to="/dags/${row.dag_id}">${row.name}<//>`) },
  ]} />`;

export function Overview() {
  const zone = useZone();
  const days = 7;
  const request = useData(`overview?days=${days}&time_zone=${encodeURIComponent(zone)}`);
  return html`<${Content} request=${request}>${(data) => html`
    <${Grid} gap="4">
      <${Instances} rows=${data.instances} zone=${zone} />
      <${Grid} gap="4" templateColumns=${{ base: "minmax(0, 1fr)", lg: "minmax(0, 2fr) minmax(0, 1fr)" }}>
        <${Panel} title="Runs of the last ${days} days by outcome">
          <${Outcomes} rows=${data.outcomes} days=${lastDays(data.at, zone, days)} />
        <//>
        <${TablePanel} title="Queue by user" rows=${data.queue} limit=${LIMIT} keyOf=${(row) => row.owner} empty="Nothing runs and nothing waits."
          columns=${[
            { title: "User", cell: (row) => row.owner },
            { title: "Running", numeric: true, cell: (row) => count(row.running) },
            { title: "Waiting", numeric: true, cell: (row) => count(row.waiting) },
            { title: "Since", cell: (row) => (row.waiting_since ? ago(row.waiting_since) : "") },
          ]} />
      <//>
      <${Failures} rows=${data.failures} zone=${zone} />
      <${Grid} gap="4" templateColumns=${{ base: "minmax(0, 1fr)", lg: "repeat(2, minmax(0, 1fr))" }}>
        <${TablePanel} title="Late schedules" rows=${data.late} limit=${LIMIT} keyOf=${(row) => row.id} empty="Every tick of the last hour and before has its run record."
          columns=${[
            { title: "Schedule", cell: (row) => html`<${RouteLink} to="${ROOT}/schedules/${row.id}">${row.name}<//>` },
            { title: "Due", cell: (row) => timeIn(row.due_at, row.time_zone) },
            { title: "Last run", cell: (row) => html`<${State} of=${row.last_run_status} />` },
            { title: "Last result", cell: (row) => timeIn(row.last_result_at, zone) },
          ]} />
        <${TablePanel} title="Late weeks" rows=${data.late_weeks} limit=${LIMIT} keyOf=${(row) => row.id} empty="No week of an active collection is an hour late."
          columns=${[
            { title: "Collection", cell: (row) => html`<${RouteLink} to="${ROOT}/collections/${row.id}">${row.name}<//>` },
            { title: "Due", cell: (row) => timeIn(row.due_at, row.time_zone) },
            { title: "Last result", cell: (row) => timeIn(row.last_result_at, zone) },
          ]} />
        <${TablePanel} title="Findings" rows=${data.findings} limit=${LIMIT} empty="No query has a finding."
          columns=${[
            { title: "Workflow", cell: (row) => html`<${RouteLink} to="/dags/${row.dag_id}">${row.workflow}<//>` },
            { title: "Kind", cell: (row) => row.kind },
            { title: "Finding", cell: (row) => row.message },
          ]} />
      <//>
      <${Text} fontSize="xs" color="fg.muted">As of ${time(data.at, zone, { seconds: true })}. The page refreshes itself every 15 seconds.<//>
    <//>`}<//>`;
}
