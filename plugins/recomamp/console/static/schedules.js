// The list of schedules: the next tick, what it will read, and how the last runs ended.

import { useData } from "./api.js";
import { HeatMap } from "./charts.js";
import { executionPage, NothingFound, useFilters } from "./definitions.js";
import { html } from "./host.js";
import { duration, windowText } from "./time.js";
import { Content, count, DataTable, Panel, ROOT, RouteLink, State, timeIn } from "./widgets.js";

const STATES = [["all", "All"], ["active", "Active"], ["paused", "Paused"], ["failing", "Last run failed"]];

export const runCells = (runs, zone) =>
  runs.map((run) => ({
    key: `${run.dag_run_id} ${run.ended_at}`,
    label: `${windowText(run.window_start, run.window_end, zone)}: ${run.status}, ${count(run.result_rows)} rows, ${duration(run.duration_seconds)}${run.error_message ? `. ${run.error_message}` : ""}`,
    state: run.status,
    to: executionPage(run.execution_id),
  }));

const Next = ({ row }) => {
  if (row.problem) return html`<span title=${row.problem}><${State} of="ERROR" /> ${row.problem}</span>`;
  if (!row.is_active) return html`<${State} of="PAUSED" />`;
  return timeIn(row.ticks[0]?.due_at, row.time_zone);
};

const nextWindow = (row) =>
  row.is_active && row.ticks.length > 0 ? windowText(row.ticks[0].window_start, row.ticks[0].window_end, row.time_zone) : "–";

export function Schedules() {
  const { path, form, pager } = useFilters("schedules", STATES);
  const request = useData(path, { every: 30 });
  return html`<${Panel} title="Schedules">${form}<${Content} request=${request}>${(data) => html`
    ${data.total === 0 ? html`<${NothingFound} what="schedule" />` : html`
      <${DataTable} label="List of schedules" rows=${data.rows} keyOf=${(row) => row.id}
        columns=${[
          { title: "Schedule", cell: (row) => html`<${RouteLink} to="${ROOT}/schedules/${row.id}">${row.name}<//>` },
          { title: "Instance", cell: (row) => row.instance },
          { title: "Next tick", cell: (row) => html`<${Next} row=${row} />` },
          { title: "Window of the tick", cell: nextWindow },
          { title: "Last runs", cell: (row) => html`<${HeatMap} label="Last runs of ${row.name}" cells=${runCells(row.runs, row.time_zone)} size="4" />` },
          { title: "Latest took", numeric: true, cell: (row) => duration(row.runs.at(-1)?.duration_seconds) },
          { title: "Rows", numeric: true, cell: (row) => count(row.runs.at(-1)?.result_rows) },
        ]} />
      ${pager(data)}`}`}<//><//>`;
}
